@echo off
rem SPDX-License-Identifier: MIT
rem Installs PortListener as a service: an account and a SID of its own, no rights but those it needs, its files
rem protected. What is asked for and refused is named; what matters for safety ends the installation and undoes it.
rem With --upgrade, which nobody gives by mistake: puts a newer program in the place of that of a service that is there.
setlocal EnableExtensions DisableDelayedExpansion

rem Before any argument is taken: "shift" would move the arguments into %0 as well.
set "here=%~dp0"
set "service=PortListener"
set "from="
set "start=auto"
set "firewall="
set "keep="
set "upgrade="

:arguments
if "%~1"=="" goto checked
if /i "%~1"=="--service" set "service=%~2" & shift /1 & shift /1 & goto arguments
if /i "%~1"=="--from" if "%~2"=="" echo install.cmd: --from needs a folder 1>&2 & exit /b 2
if /i "%~1"=="--from" set "from=%~f2\" & shift /1 & shift /1 & goto arguments
if /i "%~1"=="--delayed" set "start=delayed-auto" & shift /1 & goto arguments
if /i "%~1"=="--firewall" set "firewall=yes" & shift /1 & goto arguments
if /i "%~1"=="--keep-data" set "keep=yes" & shift /1 & goto arguments
if /i "%~1"=="--upgrade" set "upgrade=yes" & shift /1 & goto arguments
if /i not "%~1"=="--help" echo install.cmd: there is no option %1 1>&2
echo usage: install.cmd [--service NAME] [--from FOLDER] [--delayed] [--firewall] [--keep-data] [--upgrade]
echo   --service NAME  the service's name (PortListener); several can be installed side by side
echo   --from FOLDER   where portlistener.exe is (beside this file, or in build\windows-msvc\bin)
echo   --delayed       start some minutes after the boot instead of with it
echo   --firewall      let other machines of domain and private networks in, those of "allow" only where it is set
echo   --keep-data     use the configuration and the data that are there from an earlier installation
echo   --upgrade       replace the program of the service that is there; its configuration, data, account and start stay
if /i "%~1"=="--help" exit /b 0
exit /b 2

:checked
if defined upgrade if not "%start%"=="auto" echo install.cmd: --upgrade leaves how the service starts: without --delayed 1>&2 & exit /b 2
rem The name becomes a part of paths. Without what it may have, only the two question marks are left.
if not defined service echo install.cmd: --service needs a name 1>&2 & exit /b 2
set "wrong=yes"
for /f "tokens=1* delims=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-" %%a in ("?%service%?") do if "%%a%%b"=="??" set "wrong="
if "%service:~0,1%"=="." set "wrong=yes"
if "%service:~0,1%"=="-" set "wrong=yes"
if "%service:~-1%"=="." set "wrong=yes"
if not defined wrong goto named
echo install.cmd: the service name "%service%" is refused: it may have letters, digits, _, - but not at its beginning, 1>&2
echo and dots but not at its ends 1>&2
exit /b 2

:named
set "built=%here%..\build\windows-msvc\bin\"
if not defined from if not exist "%here%portlistener.exe" if exist "%built%portlistener.exe" set "from=%built%"
if not defined from set "from=%here%"
set "ini=%here%portlistener.ini"
set "missing="
for %%f in ("%ini%" "%from%portlistener-events.dll" "%from%portlistener.exe") do if not exist %%f set "missing=%%~f"
if defined missing echo install.cmd: there is no %missing%; build it, or name the folder of the program with --from 1>&2 & exit /b 2
set "program=%ProgramFiles%\PortListener"
if defined ProgramW6432 set "program=%ProgramW6432%\PortListener"
set "data=%ProgramData%\%service%"
set "sources=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application"
set "source=%sources%\%service%"
set "key=HKLM\SYSTEM\CurrentControlSet\Services\%service%"
set "account=NT SERVICE\%service%"
set "refused=0"
set "foreign="
set "has_source="
set "has_program="
set "has_service="
set "has_data="
set "ours="
set "ran="
set "replaced="
set "outcome=Installed"
set "config=%data%\portlistener.ini"
set "has_config="
set "preshutdown=15000"

rem Every program below comes from here: nothing that lies in the folder of this file can take its place.
cd /d "%SystemRoot%\System32"
set "PATH=%SystemRoot%\System32"

sc.exe query "%service%" >nul 2>&1
if errorlevel 1 goto absent
if not defined upgrade (
  echo install.cmd: there is a service %service% already. If it is PortListener's, --upgrade replaces its program, and 1>&2
  echo uninstall.cmd removes it and keeps its data; if not, give another name with --service 1>&2
  exit /b 1
)
for /f "tokens=1,2,*" %%a in ('reg.exe query "%key%" /v ImagePath 2^>nul') do if /i "%%a"=="ImagePath" call :image %%c
if defined ours goto owner
echo install.cmd: nothing was changed, as %service% is not a service of PortListener: it does not run 1>&2
echo %program%\portlistener.exe, see: sc qc %service%. Give the right name with --service 1>&2
exit /b 1

:absent
if defined upgrade echo install.cmd: there is no service %service% to upgrade; without --upgrade it is installed 1>&2 & exit /b 1

:owner
reg.exe query "%source%" >nul 2>&1
if not errorlevel 1 set "foreign=yes"
for /f "tokens=1,2,*" %%a in ('reg.exe query "%source%" /v EventMessageFile 2^>nul') do if /i "%%c"=="%program%\portlistener-events.dll" set "foreign="
if defined foreign echo install.cmd: another program has an event source %service%; give another name with --service 1>&2 & exit /b 1
rem Any user may make a folder in ProgramData: what is in it is trusted only when an administrator says so.
if not exist "%data%\" set "has_data=ours"
if not defined has_data if not defined keep if not defined upgrade (
  echo install.cmd: the folder %data% is there already. If it is from an earlier installation, add --keep-data; 1>&2
  echo if you do not know it, look into it and remove it first 1>&2
  exit /b 1
)

rem To add a key that is there changes nothing, and who may not do that may not do the rest either.
reg.exe add "%sources%" /f >nul 2>&1
if errorlevel 1 goto rights
if defined upgrade goto upgrade

echo Installing %service%
set "step=register the event source"
reg.exe add "%source%" /v EventMessageFile /t REG_EXPAND_SZ /d "%program%\portlistener-events.dll" /f >nul
if errorlevel 1 goto failed
set "has_source=yes"
reg.exe add "%source%" /v TypesSupported /t REG_DWORD /d 7 /f >nul
if errorlevel 1 goto failed

set "step=copy the program to %program%"
if not exist "%program%\" set "has_program=yes" & mkdir "%program%"
call :copy portlistener.exe
if errorlevel 1 goto failed
call :copy portlistener-events.dll
if errorlevel 1 goto failed

set "step=create the service"
sc.exe create "%service%" binPath= "\"%program%\portlistener.exe\" service --config \"%data%\portlistener.ini\"" start= %start% obj= "%account%" DisplayName= "%service%"
if errorlevel 1 goto failed
set "has_service=yes"

rem Protected before anything is in it: any user may put files into a new folder of ProgramData.
set "step=make the folder %data%"
if not exist "%data%\" mkdir "%data%"
if not exist "%data%\" goto failed
set "step=protect the folder %data%"
icacls.exe "%data%" /setowner *S-1-5-32-544 /t /q
if errorlevel 1 goto failed
icacls.exe "%data%" /reset /t /q
if errorlevel 1 goto failed
rem Administrators and the system: everything. The service: reads its configuration, and writes to two folders below: its
rem logs, and the copies of plugins that it loads.
icacls.exe "%data%" /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F "%account%:(OI)(CI)RX" /q
if errorlevel 1 goto failed
set "step=trust the folder %data%, as somebody has put something into it meanwhile"
set "found="
if "%has_data%"=="ours" for /f "delims=" %%f in ('dir /a /b "%data%" 2^>nul') do set "found=yes"
if defined found goto failed
set "step=make the files in %data%"
for %%d in (logs plugin-cache) do (
  if not exist "%data%\%%d\" mkdir "%data%\%%d"
  if not exist "%data%\%%d\" goto failed
  icacls.exe "%data%\%%d" /grant:r "%account%:(OI)(CI)M" /q
  if errorlevel 1 goto failed
)
if not exist "%data%\portlistener.ini" copy /y "%ini%" "%data%\portlistener.ini" >nul
if not exist "%data%\portlistener.ini" goto failed

rem Without these it runs, less well protected or informed: named when refused.
:settings
if not defined has_config reg.exe add "%key%\Parameters" /v ConfigFile /t REG_SZ /d "%config%" /f >nul
if not defined has_config if errorlevel 1 call :refused "the registry value ConfigFile, with which the commands find the configuration"
sc.exe sidtype "%service%" unrestricted >nul
if errorlevel 1 call :refused "the service SID"
sc.exe privs "%service%" SeChangeNotifyPrivilege >nul
if errorlevel 1 call :refused "the list of required privileges"
sc.exe description "%service%" "Listens on the TCP and UDP ports that %config% names." >nul
if errorlevel 1 call :refused "the description"
rem For crashes only: a service that ends with an error of its own is not restarted, a broken INI not for ever.
sc.exe failure "%service%" reset= 86400 actions= restart/1000/restart/5000/restart/30000 >nul
if errorlevel 1 call :refused "the restart after a crash"
sc.exe failureflag "%service%" 0 >nul
if errorlevel 1 call :refused "the restart for crashes only"
rem drain_timeout and five seconds; whoever raises drain_timeout raises this. Windows reads it at its next start.
reg.exe add "%key%" /v PreshutdownTimeout /t REG_DWORD /d %preshutdown% /f >nul
if errorlevel 1 call :refused "the time that a shutdown of the machine grants"
if not defined firewall goto installed
rem For each endpoint, as its configuration says; an upgrade sets them anew.
if defined has_config "%program%\portlistener.exe" firewall --service "%service%"
if not defined has_config "%program%\portlistener.exe" firewall --service "%service%" --config "%config%"
if errorlevel 1 call :refused "the firewall rules"

:installed
if not defined ran goto done
set "step=start the service with the new program"
call :start
if errorlevel 1 goto failed
:done
if defined upgrade call :forget portlistener.exe
if defined upgrade call :forget portlistener-events.dll
echo %outcome%. The configuration is %config%
if not defined ran echo Start it with: net start %service%
if not "%refused%"=="0" echo Settings refused: %refused%, see above. 1>&2
exit /b 0

rem In place. Account, start type, command line and data stay, as somebody may have chosen them; the folder's permissions too.
:upgrade
echo Upgrading %service%
set "outcome=Upgraded"
for /f "tokens=1,2,*" %%a in ('reg.exe query "%key%\Parameters" /v ConfigFile 2^>nul') do if /i "%%a"=="ConfigFile" set "config=%%c" & set "has_config=yes"
rem A longer time goes with a longer drain_timeout.
for /f "tokens=1,2,*" %%a in ('reg.exe query "%key%" /v PreshutdownTimeout 2^>nul') do if /i "%%a"=="PreshutdownTimeout" set /a preshutdown=%%c >nul
if %preshutdown% lss 15000 set "preshutdown=15000"
rem The new files come to stand beside the old ones first: when that fails, nothing has been stopped.
set "step=copy the program to %program%"
call :stage portlistener.exe
if errorlevel 1 goto failed
call :stage portlistener-events.dll
if errorlevel 1 goto failed
set "step=stop the service"
call :stop
if errorlevel 1 goto failed
set "step=replace the program in %program%"
set "replaced=yes"
call :replace portlistener.exe
if errorlevel 1 goto failed
call :replace portlistener-events.dll
if errorlevel 1 goto failed
reg.exe add "%source%" /v EventMessageFile /t REG_EXPAND_SZ /d "%program%\portlistener-events.dll" /f >nul
if errorlevel 1 call :refused "the event source"
reg.exe add "%source%" /v TypesSupported /t REG_DWORD /d 7 /f >nul
if errorlevel 1 call :refused "the types of the event source"
if not exist "%data%\" goto settings
for %%d in (logs plugin-cache) do (
  if not exist "%data%\%%d\" mkdir "%data%\%%d"
  icacls.exe "%data%\%%d" /grant:r "%account%:(OI)(CI)M" /q
  if errorlevel 1 call :refused "the service's right to write to %data%\%%d"
)
goto settings

:rights
echo install.cmd: nothing was installed, as that needs administrator rights: open the command prompt with 1>&2
echo "Run as administrator" 1>&2
exit /b 5

rem A program that another service runs cannot be replaced; when it is the same, it need not be.
:copy
copy /y "%from%%~1" "%program%\%~1" >nul 2>&1
if not errorlevel 1 exit /b 0
if not exist "%program%\%~1" exit /b 1
fc.exe /b "%from%%~1" "%program%\%~1" >nul 2>&1
exit /b %errorlevel%

rem The program of an ImagePath is its first word.
:image
if /i "%~1"=="%program%\portlistener.exe" set "ours=yes"
exit /b 0

rem What earlier upgrades could not remove goes, or out of the way: the event log may hold the texts until the next boot.
:stage
if exist "%program%\%~1*.old" del /q "%program%\%~1*.old" >nul 2>&1
if exist "%program%\%~1.old" move /y "%program%\%~1.old" "%program%\%~1.%random%.old" >nul 2>&1
if exist "%program%\%~1.old" echo install.cmd: %program%\%~1.old cannot be removed: who has it open? 1>&2 & exit /b 1
copy /y "%from%%~1" "%program%\%~1.new" >nul 2>&1
exit /b %errorlevel%

rem A file that is in use can be renamed, not overwritten.
:replace
if exist "%program%\%~1" move /y "%program%\%~1" "%program%\%~1.old" >nul 2>&1
if exist "%program%\%~1" exit /b 1
move /y "%program%\%~1.new" "%program%\%~1" >nul 2>&1
if exist "%program%\%~1" exit /b 0
exit /b 1

rem The new file is out of the way first, for the same reason.
:put_back
if exist "%program%\%~1.old" if exist "%program%\%~1" move /y "%program%\%~1" "%program%\%~1.new" >nul 2>&1
if exist "%program%\%~1.old" move /y "%program%\%~1.old" "%program%\%~1" >nul 2>&1
if exist "%program%\%~1.old" echo install.cmd: the old program is %program%\%~1.old: rename it 1>&2
exit /b 0

rem The process may end a moment after its service.
:forget
set "tries=0"
:forgetting
if exist "%program%\%~1.old" del /q "%program%\%~1.old" >nul 2>&1
if not exist "%program%\%~1.old" exit /b 0
set /a tries+=1 >nul
if %tries% geq 5 echo The old %program%\%~1.old is in use; the next upgrade removes it, or uninstall.cmd & exit /b 0
ping.exe -n 2 127.0.0.1 >nul 2>&1
goto forgetting

rem sc.exe has two blanks before the state, one before a service's name.
:stop
set "tries=0"
:stopping
sc.exe query "%service%" | find.exe "  STOPPED" >nul
if not errorlevel 1 exit /b 0
set "ran=yes"
sc.exe stop "%service%" >nul 2>&1
set "error=%errorlevel%"
set /a tries+=1 >nul
if %tries% geq 150 echo install.cmd: %service% does not stop; for the reason see: net helpmsg %error% 1>&2 & exit /b 1
ping.exe -n 2 127.0.0.1 >nul 2>&1
goto stopping

:start
set "tries=0"
sc.exe start "%service%" >nul 2>&1
set "error=%errorlevel%"
:starting
sc.exe query "%service%" | find.exe "  RUNNING" >nul
if not errorlevel 1 exit /b 0
sc.exe query "%service%" | find.exe "  STOPPED" >nul
if not errorlevel 1 if not %error%==0 echo install.cmd: for the reason see: net helpmsg %error% 1>&2
if not errorlevel 1 exit /b 1
set /a tries+=1 >nul
if %tries% geq 150 call :refused "to be running after 150 seconds" & exit /b 0
ping.exe -n 2 127.0.0.1 >nul 2>&1
goto starting

:refused
echo   refused by the system: %~1 1>&2
set /a refused+=1 >nul
exit /b 0

:failed
echo install.cmd: could not %step%; undoing what was done 1>&2
if defined upgrade goto undo
if defined has_service sc.exe delete "%service%" >nul
if "%has_data%"=="ours" if exist "%data%\" rmdir /s /q "%data%"
if defined has_source reg.exe delete "%source%" /f >nul
rem What was there before may be what another service runs.
if not defined has_program exit /b 1
if exist "%program%\portlistener.exe" del /q "%program%\portlistener.exe"
if exist "%program%\portlistener-events.dll" del /q "%program%\portlistener-events.dll"
if exist "%program%\" rmdir "%program%" 2>nul
exit /b 1

:undo
rem Else a file .old is not of this upgrade.
if defined replaced call :put_back portlistener.exe
if defined replaced call :put_back portlistener-events.dll
del /q "%program%\portlistener*.new" >nul 2>&1
if not defined ran echo install.cmd: the program is the old one 1>&2 & exit /b 1
call :start
if errorlevel 1 echo install.cmd: with the old program, %service% does not start either: see the event log 1>&2 & exit /b 1
echo install.cmd: %service% runs again, with the old program 1>&2
exit /b 1
