"""Where the codes of an index are searched.

Every backend is a module of its own: FAISS on this machine, PostgreSQL with pgvector or Milvus on
another. To add one: a module with a class as `base.Backend`, and its URL in `connect`.
"""

from __future__ import annotations

from pathlib import Path

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import Backend


def connect(url: str | None, path: Path) -> Backend:
    """The backend of a URL ("postgresql://...", "milvus://..."), or, without one, of a file.

    Raises:
        AecodecError: no such backend, its package is missing, or it cannot be reached.
    """
    if url is None:
        from aecodec.hashing.backends.faiss import FaissFile

        return FaissFile(path)
    if url.startswith(("postgresql://", "postgres://")):
        from aecodec.hashing.backends.postgres import Postgres

        return Postgres(url)
    if url.startswith("milvus://"):
        from aecodec.hashing.backends.milvus import Milvus

        return Milvus(url, path)
    scheme = url.partition(":")[0]
    raise AecodecError(
        f"no backend for {scheme!r}; known: postgresql://USER@HOST/DATABASE, milvus://HOST:PORT,"
        " milvus:///FOLDER/NAME.db"
    )
