"""One reader under the coverage-guided fuzzer: ``python -m tests.fuzz.one READER CORPUS [libFuzzer options]``."""

import random
import sys

import atheris

# What is imported here tells the fuzzer which inputs lead to code that none before has reached.
with atheris.instrument_imports(include=["smearwatch", "tifffile", "tomllib", "zipfile"]):
    from tests.fuzz.readers import READERS
    from tests.fuzz.seeds import altered


def mutate(data: bytes, most_bytes: int, seed: int) -> bytes:
    """Return an altered input: by libFuzzer, or by what knows texts and numbers that trip readers."""
    changed: bytes = altered(data, random.Random(seed)) if seed % 2 else atheris.Mutate(data, most_bytes)
    return changed[:most_bytes]


def main() -> None:
    """Fuzz until libFuzzer ends: by its time, or with what it has found."""
    reader = sys.argv.pop(1)
    atheris.Setup(sys.argv, READERS[reader], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
