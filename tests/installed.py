"""A tiny package, installed for one test as an installer leaves it: a module and its .dist-info in a folder."""

import os


def install(folder, module, source, entries, *, package="acme-smearwatch", version="1.0", group="smearwatch.sources"):
    """Write a module and the metadata that offers what it has; gives the folder, which is to be on the path."""
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    about = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (about / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    return folder


def with_path(*folders):
    """Return an environment in which processes see these folders first."""
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, folders), *([before] if before else [])])}
