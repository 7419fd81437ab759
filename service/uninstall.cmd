@echo off
rem SPDX-License-Identifier: MIT
rem Takes away what install.cmd made, and nothing that only has the same name: a service that runs its program, an event
rem source with its texts. The configuration and the data stay, unless --purge.
setlocal EnableExtensions DisableDelayedExpansion

set "service=PortListener"
set "purge="

:arguments
if "%~1"=="" goto checked
if /i "%~1"=="--service" set "service=%~2" & shift /1 & shift /1 & goto arguments
if /i "%~1"=="--purge" set "purge=yes" & shift /1 & goto arguments
if /i not "%~1"=="--help" echo uninstall.cmd: there is no option %1 1>&2
echo usage: uninstall.cmd [--service NAME] [--purge]
echo   --service NAME  the service's name (PortListener)
echo   --purge         remove its configuration and its data as well
if /i "%~1"=="--help" exit /b 0
exit /b 2

:checked
rem The name becomes a part of paths. Without what it may have, only the two question marks are left.
if not defined service echo uninstall.cmd: --service needs a name 1>&2 & exit /b 2
set "wrong=yes"
for /f "tokens=1* delims=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-" %%a in ("?%service%?") do if "%%a%%b"=="??" set "wrong="
if "%service:~0,1%"=="." set "wrong=yes"
if "%service:~0,1%"=="-" set "wrong=yes"
if "%service:~-1%"=="." set "wrong=yes"
if not defined wrong goto named
echo uninstall.cmd: the service name "%service%" is refused: it may have letters, digits, _, - but not at its beginning, 1>&2
echo and dots but not at its ends 1>&2
exit /b 2

:named
set "program=%ProgramFiles%\PortListener"
if defined ProgramW6432 set "program=%ProgramW6432%\PortListener"
set "data=%ProgramData%\%service%"
set "sources=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application"
set "source=%sources%\%service%"
set "key=HKLM\SYSTEM\CurrentControlSet\Services\%service%"
set "refused=0"
set "image="
set "ours="

rem Every program below comes from here: nothing that lies in the folder of this file can take its place.
cd /d "%SystemRoot%\System32"
set "PATH=%SystemRoot%\System32"

for /f "tokens=1,2,*" %%a in ('reg.exe query "%key%" /v ImagePath 2^>nul') do if /i "%%a"=="ImagePath" call :image %%c
sc.exe query "%service%" >nul 2>&1
if not errorlevel 1 set "image=yes"
if defined image if not defined ours goto foreign

rem To add a key that is there changes nothing, and who may not do that may not do the rest either.
reg.exe add "%sources%" /f >nul 2>&1
if errorlevel 1 goto rights

rem The service first: while it cannot be removed, nothing else is.
if not defined ours echo There is no service %service%; what else is left of it is removed.
if not defined ours goto files
echo Removing %service%
set "tries=0"
:stop
sc.exe stop "%service%" >nul 2>&1
set "error=%errorlevel%"
if %error%==5 goto rights
rem 1060: there is no such service, whatever the registry says.
if %error%==1060 goto files
rem Two blanks stand before the state, one before a service's name.
sc.exe query "%service%" | find.exe "  STOPPED" >nul
if not errorlevel 1 goto stopped
set /a tries+=1 >nul
if %tries% geq 150 echo uninstall.cmd: %service% does not stop, so nothing was removed; for the reason see: net helpmsg %error% 1>&2 & exit /b 1
ping.exe -n 2 127.0.0.1 >nul 2>&1
goto stop
:stopped
sc.exe delete "%service%" >nul 2>&1
set "error=%errorlevel%"
if %error%==5 goto rights
rem 1072: it was deleted before, and a program that still shows it, such as services.msc, keeps it from going.
if %error%==0 goto files
if %error%==1072 goto files
echo uninstall.cmd: the system refuses to delete the service %service%, so nothing was removed; for the reason see: 1>&2
echo net helpmsg %error% 1>&2
exit /b 1

:files
set "ours="
for /f "tokens=1,2,*" %%a in ('reg.exe query "%source%" /v EventMessageFile 2^>nul') do if /i "%%c"=="%program%\portlistener-events.dll" set "ours=yes"
if defined ours reg.exe delete "%source%" /f >nul
if defined ours if errorlevel 1 call :refused "the event source %service%"
netsh.exe advfirewall firewall delete rule name="%service%" program="%program%\portlistener.exe" >nul 2>&1
rem The program is shared by all services that were installed from it. Firewall rules name it too, but in other values.
set "at="
set "users="
for /f "tokens=1,2,*" %%a in ('reg.exe query HKLM\SYSTEM\CurrentControlSet\Services /s /v ImagePath 2^>nul') do (
  if /i not "%%a"=="ImagePath" set "at=%%~nxa"
  if /i "%%a"=="ImagePath" call :user %%c
)
if not defined at call :refused "%program%: the registry does not tell who else runs it"
if not defined at goto data
if defined users echo The program stays in %program%, as other services run it:%users%
if defined users goto data
rem The event log may hold the DLL until the machine starts again.
call :delete "%program%\portlistener.exe"
call :delete "%program%\portlistener-events.dll"
rem Of an upgrade that found them in use.
call :delete "%program%\portlistener*.old"
call :delete "%program%\portlistener*.new"
if exist "%program%\" rmdir "%program%" 2>nul

:data
if not exist "%data%\" goto removed
if not exist "%data%\portlistener.ini" if defined purge call :refused "%data%: without a portlistener.ini it may be another program's"
if not exist "%data%\portlistener.ini" goto removed
if not defined purge echo The configuration and the data stay in %data%; --purge removes them.
if not defined purge goto removed
rmdir /s /q "%data%"
if exist "%data%\" call :refused "%data%"
:removed
echo Removed.
if not "%refused%"=="0" echo Things that could not be removed: %refused%, see above. 1>&2 & exit /b 1
exit /b 0

:foreign
echo uninstall.cmd: nothing was removed, as %service% is not a service of PortListener: it does not run 1>&2
echo %program%\portlistener.exe, see: sc qc %service%. Give the right name with --service 1>&2
exit /b 1

:rights
echo uninstall.cmd: nothing was removed, as that needs administrator rights: open the command prompt with 1>&2
echo "Run as administrator" 1>&2
exit /b 5

rem The program of an ImagePath is its first word.
:image
set "image=yes"
if /i "%~1"=="%program%\portlistener.exe" set "ours=yes"
exit /b 0

rem This service is still among them while another program, such as services.msc, shows it.
:user
if /i "%~1"=="%program%\portlistener.exe" if /i not "%at%"=="%service%" set "users=%users% %at%"
exit /b 0

:delete
if exist %1 del /q %1
if exist %1 call :refused %1
exit /b 0

:refused
echo   could not remove: %~1 1>&2
set /a refused+=1 >nul
exit /b 0
