/* SPDX-License-Identifier: MIT
   Who made a program, and whether that can be believed. Nothing is asked of the network. */
#ifndef PORTLISTENER_DIAGNOSIS_IMAGE_INFO_H
#define PORTLISTENER_DIAGNOSIS_IMAGE_INFO_H

#include "base/text.h"

enum image_signature {
    IMAGE_NOT_KNOWN, /* the file or the functions of the system are out of reach */
    IMAGE_SIGNED,
    IMAGE_SIGNED_BY_CATALOG, /* as most files of Windows are: the signature is in another file */
    IMAGE_UNSIGNED,
    IMAGE_UNTRUSTED, /* signed by someone whom this machine does not know */
    IMAGE_INVALID,   /* the file is not what was signed, or the certificate is no good */
    IMAGE_SIGNATURE_COUNT
};

/* image_info_signature: of the file `path` (UTF-8). It hashes the file, so it takes its time. */
enum image_signature image_info_signature(const char *path);

/* image_info_signature_name: "signed", "unsigned" ... */
const char *image_info_signature_name(enum image_signature signature);

/* image_info_add_company: appends what the file says of its maker: no more than a claim, unless it is signed. Nothing where
   it says nothing. */
void image_info_add_company(struct text *text, const char *path);

#endif
