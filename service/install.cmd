@echo off
rem SPDX-License-Identifier: MIT
rem Installs PortListener as a service: an account and a SID of its own, no rights but those it needs, its files
rem protected. What is asked for and refused is named; what matters for safety ends the installation and undoes it.
setlocal EnableExtensions DisableDelayedExpansion

rem Before any argument is taken: "shift" would move the arguments into %0 as well.
set "here=%~dp0"
set "service=PortListener"
set "from="
set "start=auto"
set "firewall="
set "keep="

:arguments
if "%~1"=="" goto checked
if /i "%~1"=="--service" set "service=%~2" & shift /1 & shift /1 & goto arguments
if /i "%~1"=="--from" if "%~2"=="" echo install.cmd: --from needs a folder 1>&2 & exit /b 2
if /i "%~1"=="--from" set "from=%~f2\" & shift /1 & shift /1 & goto arguments
if /i "%~1"=="--delayed" set "start=delayed-auto" & shift /1 & goto arguments
if /i "%~1"=="--firewall" set "firewall=yes" & shift /1 & goto arguments
if /i "%~1"=="--keep-data" set "keep=yes" & shift /1 & goto arguments
if /i not "%~1"=="--help" echo install.cmd: there is no option %1 1>&2
echo usage: install.cmd [--service NAME] [--from FOLDER] [--delayed] [--firewall] [--keep-data]
echo   --service NAME  the service's name (PortListener); several can be installed side by side
echo   --from FOLDER   where portlistener.exe is (beside this file, or in build\windows-msvc\bin)
echo   --delayed       start some minutes after the boot instead of with it
echo   --firewall      let other machines of the domain and private networks in, on the ports that it listens on
echo   --keep-data     use the configuration and the data that are there from an earlier installation
if /i "%~1"=="--help" exit /b 0
exit /b 2

:checked
rem The name becomes a part of paths. Without what it may have, only the two question marks are left.
if not defined service echo install.cmd: --service needs a name 1>&2 & exit /b 2
set "wrong=yes"
for /f "tokens=1* delims=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-" %%a in ("?%service%?") do if "%%a%%b"=="??" set "wrong="
if "%service:~0,1%"=="." set "wrong=yes"
if "%service:~-1%"=="." set "wrong=yes"
if not defined wrong goto named
echo install.cmd: the service name "%service%" is refused: it may have letters, digits, - and _, and dots but not 1>&2
echo at its ends 1>&2
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

rem Every program below comes from here: nothing that lies in the folder of this file can take its place.
cd /d "%SystemRoot%\System32"
set "PATH=%SystemRoot%\System32"

sc.exe query "%service%" >nul 2>&1
if not errorlevel 1 (
  echo install.cmd: there is a service %service% already. If it is PortListener's, "portlistener install" upgrades it, and 1>&2
  echo uninstall.cmd removes it and keeps its data; if not, give another name with --service 1>&2
  exit /b 1
)
reg.exe query "%source%" >nul 2>&1
if not errorlevel 1 set "foreign=yes"
for /f "tokens=1,2,*" %%a in ('reg.exe query "%source%" /v EventMessageFile 2^>nul') do if /i "%%c"=="%program%\portlistener-events.dll" set "foreign="
if defined foreign echo install.cmd: another program has an event source %service%; give another name with --service 1>&2 & exit /b 1
rem Any user may make a folder in ProgramData: what is in it is trusted only when an administrator says so.
if not exist "%data%\" set "has_data=ours"
if not defined has_data if not defined keep (
  echo install.cmd: the folder %data% is there already. If it is from an earlier installation, add --keep-data; 1>&2
  echo if you do not know it, look into it and remove it first 1>&2
  exit /b 1
)

rem To add a key that is there changes nothing, and who may not do that may not do the rest either.
reg.exe add "%sources%" /f >nul 2>&1
if errorlevel 1 goto rights

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
reg.exe add "%key%\Parameters" /v ConfigFile /t REG_SZ /d "%data%\portlistener.ini" /f >nul
if errorlevel 1 call :refused "the registry value ConfigFile, with which the commands find the configuration"
sc.exe sidtype "%service%" unrestricted >nul
if errorlevel 1 call :refused "the service SID"
sc.exe privs "%service%" SeChangeNotifyPrivilege >nul
if errorlevel 1 call :refused "the list of required privileges"
sc.exe description "%service%" "Listens on the TCP and UDP ports that %data%\portlistener.ini names." >nul
if errorlevel 1 call :refused "the description"
rem For crashes only: a service that ends with an error of its own is not restarted, a broken INI not for ever.
sc.exe failure "%service%" reset= 86400 actions= restart/1000/restart/5000/restart/30000 >nul
if errorlevel 1 call :refused "the restart after a crash"
sc.exe failureflag "%service%" 0 >nul
if errorlevel 1 call :refused "the restart for crashes only"
rem drain_timeout and five seconds; whoever raises drain_timeout raises this. Windows reads it at its next start.
reg.exe add "%key%" /v PreshutdownTimeout /t REG_DWORD /d 15000 /f >nul
if errorlevel 1 call :refused "the time that a shutdown of the machine grants"
if not defined firewall goto installed
netsh.exe advfirewall firewall add rule name="%service%" dir=in action=allow program="%program%\portlistener.exe" service="%service%" profile=domain,private >nul
if errorlevel 1 call :refused "the firewall rule"

:installed
echo Installed. The configuration is %data%\portlistener.ini
echo Start it with: net start %service%
if not "%refused%"=="0" echo Settings refused: %refused%, see above. 1>&2
exit /b 0

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

:refused
echo   refused by the system: %~1 1>&2
set /a refused+=1 >nul
exit /b 0

:failed
echo install.cmd: could not %step%; undoing what was done 1>&2
if defined has_service sc.exe delete "%service%" >nul
if "%has_data%"=="ours" if exist "%data%\" rmdir /s /q "%data%"
if defined has_source reg.exe delete "%source%" /f >nul
rem What was there before may be what another service runs.
if not defined has_program exit /b 1
if exist "%program%\portlistener.exe" del /q "%program%\portlistener.exe"
if exist "%program%\portlistener-events.dll" del /q "%program%\portlistener-events.dll"
if exist "%program%\" rmdir "%program%" 2>nul
exit /b 1
