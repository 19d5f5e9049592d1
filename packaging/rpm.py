"""Packs the Linux tree as a .rpm, with the libraries it needs by their names and versions."""

import os
import shutil
import subprocess
from pathlib import Path

import libraries
import linux_tree
from project import (
    BUILD,
    DIST,
    MAINTAINER,
    NAME,
    ROOT,
    SUMMARY,
    build_number,
    date,
    epoch,
    run,
    version,
)

# Used without being linked to: keyboard maps.
_DATA = ["xkeyboard-config"]
_RECOMMENDS = [
    "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils", "xdg-utils", "ca-certificates",
]  # fmt: skip


def build(bundle: Path, machine: str) -> Path:
    """Build the package; return its file."""
    top = BUILD / "rpm"
    shutil.rmtree(top, ignore_errors=True)
    linux_tree.lay_out(bundle, top / "tree")
    licence = top / "tree/usr/share/licenses" / NAME
    linux_tree.write(licence / "LICENSE", (ROOT / "LICENSE").read_bytes())
    linux_tree.settle(top / "tree")
    spec = top / f"{NAME}.spec"
    spec.write_text(spec_file(top / "tree", machine))
    run(
        ["rpmbuild", "-bb", "--quiet", "--target", machine, "--define", f"_topdir {top}",
         "--buildroot", top / "root", spec],
        env=dict(os.environ, SOURCE_DATE_EPOCH=str(epoch()), HOME=str(top)),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (built,) = (top / "RPMS").rglob("*.rpm")
    DIST.mkdir(exist_ok=True)
    return Path(shutil.copy(built, DIST / built.name))


def requirements(tree: Path, machine: str) -> list[str]:
    """Return the libraries that the bundle needs, as RPM's own generator names them."""
    marker = "()(64bit)" if machine in ("x86_64", "aarch64") else ""
    names = []
    for library, versions in libraries.system_needs(tree / linux_tree.HOME).items():
        names.append(f"{library}{marker}")
        names += [f"{library}({symbols}){marker[2:]}" for symbols in sorted(versions)]
    return names


def spec_file(tree: Path, machine: str) -> str:
    """Return the spec: it copies the tree and does nothing else."""
    requires = "\n".join(f"Requires: {name}" for name in [*requirements(tree, machine), *_DATA])
    recommends = "\n".join(f"Recommends: {name}" for name in _RECOMMENDS)
    description = "\n".join(linux_tree.description())
    return f"""\
Name: {NAME}
Version: {version()}
Release: 1
Summary: {SUMMARY}
License: MIT AND LGPL-3.0-only
Group: Productivity/Scientific/Other
Packager: {MAINTAINER}
AutoReqProv: no
{requires}
{recommends}

# The files are as they are in the other packages: nothing is stripped or compiled again here.
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%global _build_id_links none
# The same inputs give the same file.
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost reproducible
%global _binary_payload w6.xzdio

%description
{description}

%install
cp -a {tree}/. %{{buildroot}}/

%files
%license /usr/share/licenses/{NAME}/LICENSE
/usr/bin/{NAME}
/usr/lib/{NAME}
/usr/share/applications/{NAME}.desktop
/usr/share/icons/hicolor/*/*/*
/usr/share/mime/packages/{NAME}.xml
/usr/share/metainfo/org.jobshelf.Jobshelf.metainfo.xml
/usr/share/man/man1/{NAME}.1.gz

%changelog
* {date("%a %b %d %Y")} {MAINTAINER} - {version()}-1
- Build {build_number()}.
"""
