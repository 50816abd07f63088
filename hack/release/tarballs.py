"""Archives that are the same whenever and by whomever they are packed."""

import gzip
import io
import tarfile
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o644, 0o755


def settle(archive: Path, *, epoch: int) -> None:
    """Pack a .tgz anew: sorted by name, with one time, one owner and plain modes, whoever made it and when."""
    with tarfile.open(archive, "r:gz") as packed:
        contents = [(member, _content(packed, member)) for member in packed.getmembers()]
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as settled:
        for member, content in sorted(contents, key=lambda pair: pair[0].name):
            settled.addfile(_settled(member, epoch), io.BytesIO(content))
    archive.write_bytes(gzip.compress(plain.getvalue(), mtime=epoch))


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = packed.extractfile(member)
    return file.read() if file else b""


def _settled(member: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    same = tarfile.TarInfo(member.name)
    same.type, same.linkname, same.size, same.mtime = member.type, member.linkname, member.size, epoch
    same.mode = FOLDER_MODE if member.isdir() else FILE_MODE
    return same
