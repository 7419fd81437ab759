// SPDX-License-Identifier: MIT
// A handler in Rust: it tells each client how many bytes it has sent so far. It shows the border, and no more: the
// structs of handler.h with #[repr(C)], as far as they are used; members that are not named here are zeros behind them,
// which means "none". The file must be tally.dll. Build: see README.md, "In Rust".
#![crate_type = "cdylib"]

use std::ffi::c_void;
use std::os::raw::c_char;

const PL_TCP: u32 = 0x02;
const PL_RESET: i32 = 2;

type Id = u64;
type Send = unsafe extern "C" fn(*const Host, Id, *const u8, usize) -> i32;
type Close = unsafe extern "C" fn(*const Host, Id, i32) -> i32;

/// pl_host: its first members; the host's own is longer, and never made here.
#[repr(C)]
pub struct Host {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    reserved: u32,
    send: Send,
    close: Close,
}

/// pl_start, likewise.
#[repr(C)]
pub struct Start {
    size: u32,
    reserved: u32,
    host: *const Host,
    endpoint: Id,
    state: *mut c_void,
}

/// pl_handler, up to on_close: `size` tells the host where it ends.
#[repr(C)]
pub struct Handler {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    needs_minor: u32,
    flags: u32,
    max_input: u32,
    name: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    start: Option<unsafe extern "C" fn(*mut Start) -> i32>,
    stop: Option<unsafe extern "C" fn(*mut c_void)>,
    on_open: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut Client, *const c_void) -> i32>,
    on_data: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut Client, *const u8, usize) -> usize>,
    on_datagram: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut c_void, *const u8, usize, *const c_void)>,
    on_writable: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut Client)>,
    on_eof: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut Client, *const u8, usize)>,
    on_close: Option<unsafe extern "C" fn(*mut c_void, Id, *mut *mut Client, i32, u32)>,
}

// Constant, and its pointers are to literals.
unsafe impl Sync for Handler {}

/// One connection.
pub struct Client {
    bytes: u64,
}

// The state is the host itself: there is nothing else to keep.
unsafe extern "C" fn start(start: *mut Start) -> i32 {
    (*start).state = (*start).host as *mut c_void;
    0
}

unsafe extern "C" fn on_open(_: *mut c_void, _: Id, user: *mut *mut Client, _: *const c_void) -> i32 {
    *user = Box::into_raw(Box::new(Client { bytes: 0 }));
    0
}

unsafe extern "C" fn on_data(state: *mut c_void, id: Id, user: *mut *mut Client, _: *const u8, length: usize) -> usize {
    let host = state as *const Host;
    let client = &mut **user;
    let answer = format!("{} bytes\r\n", client.bytes + length as u64);
    let result = ((*host).send)(host, id, answer.as_ptr(), answer.len());
    if result == -1 {
        return 0; // PL_FULL: these bytes come again
    }
    if result < 0 {
        ((*host).close)(host, id, PL_RESET);
    }
    client.bytes += length as u64;
    length
}

unsafe extern "C" fn on_writable(_: *mut c_void, _: Id, _: *mut *mut Client) {}

unsafe extern "C" fn on_close(_: *mut c_void, _: Id, user: *mut *mut Client, _: i32, _: u32) {
    drop(Box::from_raw(*user));
}

static HANDLER: Handler = Handler {
    size: std::mem::size_of::<Handler>() as u32,
    abi_major: 0,
    abi_minor: 6,
    needs_minor: 0,
    flags: PL_TCP,
    max_input: 0,
    name: b"tally\0".as_ptr() as *const c_char,
    version: b"1.0\0".as_ptr() as *const c_char,
    summary: b"Tells each client how much it has sent.\0".as_ptr() as *const c_char,
    start: Some(start),
    stop: None,
    on_open: Some(on_open),
    on_data: Some(on_data),
    on_datagram: None,
    on_writable: Some(on_writable),
    on_eof: None,
    on_close: Some(on_close),
};

#[no_mangle]
pub extern "C" fn portlistener_handler() -> *const Handler {
    &HANDLER
}
