"""Model files of strategies: read-only, known by their hash, which is a parameter record (contract 14)."""

from hashlib import blake2b
from pathlib import Path

from streams.errors import ConfigError

__all__ = ["MODEL", "find_model", "hash_of", "keep_model", "kept_path"]

MODEL = "model"
"""Name of the parameter that holds the hash."""
_CHUNK_BYTES = 1 << 20


def hash_of(path: str | Path) -> str:
    """BLAKE2b-128 of a file, hex; ConfigError when it cannot be read."""
    h = blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                h.update(chunk)
    except OSError as error:
        raise ConfigError(f"model file {path} cannot be read: {error.strerror}") from None
    return h.hexdigest()


def kept_path(folder: str | Path, digest: str, path: str | Path) -> Path:
    """Where a model file is kept under its hash; the suffix stays, for libraries look at it."""
    return Path(folder) / f"{digest}{Path(path).suffix}"


def keep_model(path: str | Path, folder: str | Path) -> str:
    """Copy a model file under its hash, read-only, so that a run can be verified when the file has changed; the hash."""
    digest = hash_of(path)
    kept = kept_path(folder, digest, path)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside = kept.with_suffix(".tmp")
        aside.write_bytes(Path(path).read_bytes())
        aside.chmod(0o444)
        aside.replace(kept)
    return digest


def find_model(path: str, folder: str, digest: str) -> str:
    """The file with that hash: as it is kept, or at its own place. ConfigError when neither has it."""
    kept = kept_path(folder, digest, path) if folder else None
    if kept is not None and kept.exists() and hash_of(kept) == digest:
        return str(kept)
    if Path(path).exists() and hash_of(path) == digest:
        return path
    where = f" or {kept}" if kept is not None else ""
    raise ConfigError(f"model file {path}{where}: none has the hash {digest} of params.v1; run `millrace apply`, or bring the file back")
