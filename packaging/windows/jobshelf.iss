; The Windows installer: for one user without administrator rights, or for all users.
; Built by packaging/build with Inno Setup 6.3 or newer (not 7); Version, Numbers (those of the
; version), Bundle (a folder) and, to sign, Signed and a tool called "sign" are given there.

#ifndef Version
  #error Version is not given: run packaging/build
#endif

[Setup]
AppId={{6C1E3F0A-5B0E-4C55-9D7A-0B9C1E6A7C11}
AppName=Jobshelf
AppVersion={#Version}
AppPublisher=Jobshelf contributors
VersionInfoVersion={#Numbers}
DefaultDirName={autopf}\Jobshelf
DisableProgramGroupPage=yes
; The user is asked whether for all users; /ALLUSERS and /CURRENTUSER say it on the command line.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
ChangesAssociations=yes
CloseApplications=yes
LicenseFile=..\..\LICENSE
SetupIconFile={#SourcePath}\..\..\build\packaging\work\jobshelf\jobshelf.ico
UninstallDisplayIcon={app}\jobshelf.exe
OutputBaseFilename=jobshelf-{#Version}-windows-x86_64
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
#ifdef Signed
SignTool=sign
SignedUninstaller=yes
#endif

[Languages]
Name: "english"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[InstallDelete]
; What an earlier version had and this one has not.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Excludes: "\jobshelf.exe"; Flags: recursesubdirs ignoreversion
#ifdef Signed
Source: "{#Bundle}\jobshelf.exe"; DestDir: "{app}"; Flags: ignoreversion sign
#else
Source: "{#Bundle}\jobshelf.exe"; DestDir: "{app}"; Flags: ignoreversion
#endif

[Icons]
Name: "{autoprograms}\Jobshelf"; Filename: "{app}\jobshelf.exe"
Name: "{autodesktop}\Jobshelf"; Filename: "{app}\jobshelf.exe"; Tasks: desktopicon

[Registry]
; *.jobs and *.jobshelf are ours. *.db is nobody's: Jobshelf is only offered in its "Open with".
; What is written first is removed last: a key that must be empty stands before what is in it.
Root: HKA; Subkey: "Software\Classes\Jobshelf.Store"; ValueType: string; ValueData: "Jobshelf job store"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Jobshelf.Store\DefaultIcon"; ValueType: string; ValueData: "{app}\jobshelf.exe,0"
Root: HKA; Subkey: "Software\Classes\Jobshelf.Store\shell\open\command"; ValueType: string; ValueData: """{app}\jobshelf.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\.jobs"; ValueType: string; ValueData: "Jobshelf.Store"; Flags: uninsdeletevalue uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\.jobs\OpenWithProgids"; ValueType: string; ValueName: "Jobshelf.Store"; ValueData: ""; Flags: uninsdeletevalue uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\Jobshelf.Archive"; ValueType: string; ValueData: "Jobshelf archive of a job store"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Jobshelf.Archive\DefaultIcon"; ValueType: string; ValueData: "{app}\jobshelf.exe,0"
Root: HKA; Subkey: "Software\Classes\Jobshelf.Archive\shell\open\command"; ValueType: string; ValueData: """{app}\jobshelf.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\.jobshelf"; ValueType: string; ValueData: "Jobshelf.Archive"; Flags: uninsdeletevalue uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\.jobshelf\OpenWithProgids"; ValueType: string; ValueName: "Jobshelf.Archive"; ValueData: ""; Flags: uninsdeletevalue uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\.db"; Flags: uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\.db\OpenWithProgids"; ValueType: string; ValueName: "Jobshelf.Store"; ValueData: ""; Flags: uninsdeletevalue uninsdeletekeyifempty
; Found by its name in the Run dialog.
Root: HKA; Subkey: "Software\Microsoft\Windows\CurrentVersion\App Paths\jobshelf.exe"; ValueType: string; ValueData: "{app}\jobshelf.exe"; Flags: uninsdeletekey

[Run]
Filename: "{app}\jobshelf.exe"; Description: "{cm:LaunchProgram,Jobshelf}"; Flags: nowait postinstall skipifsilent
