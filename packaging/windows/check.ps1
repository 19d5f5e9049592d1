# Installs for one user and for all, starts on a GC3Pie store, and uninstalls without a trace.
$ErrorActionPreference = 'Stop'
$root = Resolve-Path "$PSScriptRoot\..\.."
$setup = (Get-ChildItem "$root\dist\jobshelf-*-windows-*.exe").FullName
$store = "$root\tests\data\gc3pie\python3.7\jobs.db"
$pictures = New-Item -ItemType Directory -Force "$root\build\packaging\screenshots"

function Start-AndWait($file, $arguments) {
    $process = Start-Process $file $arguments -PassThru -Wait
    if ($process.ExitCode -ne 0) { throw "$file $arguments ended with $($process.ExitCode)" }
}

# Other programs may have the type of databases: then it stays.
$typeOfOthers = @{}
foreach ($hive in 'HKLM:', 'HKCU:') { $typeOfOthers[$hive] = Test-Path "$hive\Software\Classes\.db" }

foreach ($scope in 'CURRENTUSER', 'ALLUSERS') {
    $base = if ($scope -eq 'ALLUSERS') { $env:ProgramFiles } else { "$env:LOCALAPPDATA\Programs" }
    $hive = if ($scope -eq 'ALLUSERS') { 'HKLM:' } else { 'HKCU:' }
    $menu = if ($scope -eq 'ALLUSERS') { $env:ProgramData } else { $env:APPDATA }
    $link = "$menu\Microsoft\Windows\Start Menu\Programs\Jobshelf.lnk"
    $program = "$base\Jobshelf\jobshelf.exe"

    Start-AndWait $setup "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /$scope"
    if (-not (Test-Path $link)) { throw 'it is not in the Start menu' }
    foreach ($kind in 'Store', 'Archive') {
        $command = (Get-Item "$hive\Software\Classes\Jobshelf.$kind\shell\open\command").GetValue('')
        if ($command -ne "`"$program`" `"%1`"") { throw "Jobshelf.$kind is opened with $command" }
    }

    $about = (Get-Item $program).VersionInfo
    if ($about.FileDescription -ne 'Jobshelf') { throw "Open With calls it $($about.FileDescription)" }

    # The picture is taken when a job is shown in the tree: the inspector process works.
    $picture = "$pictures\windows-$scope.png"
    Start-AndWait $program "`"$store`" --read-only --screenshot `"$picture`""
    if ((Get-Item $picture).Length -lt 20000) { throw 'the picture is empty' }

    # Copies without a window; and the archive opens as a store.
    $archive = "$pictures\$scope.jobshelf"
    Start-AndWait $program "export `"$store`" `"$archive`" --overwrite"
    Start-AndWait $program "`"$archive`" --read-only --screenshot `"$picture`""
    Remove-Item $archive

    # Passwords of servers go into the keyring of the system: what reaches it is there.
    $notices = "$base\Jobshelf\_internal\resources\third-party-notices.txt"
    foreach ($name in 'keyring', 'pywin32-ctypes') {
        if (-not (Select-String -Path $notices -Pattern "^$name \d" -Quiet)) { throw "$name is missing" }
    }

    # A window, and a second start that reaches it.
    $window = Start-Process $program "`"$store`"" -PassThru
    for ($i = 0; $i -lt 120 -and -not $window.MainWindowHandle; $i++) {
        Start-Sleep -Milliseconds 500
        $window.Refresh()
    }
    if (-not $window.MainWindowHandle) { throw 'no window came up' }
    Start-AndWait $program "`"$store`""
    $null = $window.CloseMainWindow()
    if (-not $window.WaitForExit(30000)) { throw 'the window does not close' }

    Start-AndWait "$base\Jobshelf\unins000.exe" '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART'
    # The uninstaller deletes itself from a copy that outlives it for a moment.
    for ($i = 0; $i -lt 60 -and (Test-Path "$base\Jobshelf"); $i++) { Start-Sleep -Milliseconds 500 }
    $traces = @("$base\Jobshelf", $link, "$hive\Software\Classes\Jobshelf.Store",
        "$hive\Software\Classes\Jobshelf.Archive", "$hive\Software\Classes\.jobs",
        "$hive\Software\Classes\.jobshelf",
        "$hive\Software\Microsoft\Windows\CurrentVersion\App Paths\jobshelf.exe")
    if (-not $typeOfOthers[$hive]) { $traces += "$hive\Software\Classes\.db" }
    foreach ($left in $traces) {
        if (Test-Path $left) { throw "uninstalling left $left" }
    }
    Write-Output "${scope}: installed, started, reached, removed"
}
