"""Run bcrypt_batch and scikit-learn, whose wheel brings a libgomp too, in one process.

The argument, "first" or "second", is the place of our import.
"""

import sys


def ours() -> None:
    import bcrypt_batch

    passwords = [b"%d" % i for i in range(40)]
    made = bcrypt_batch.hash_many(passwords, cost=8, workers=2)
    assert made.stats.threads_used == 2, made.stats
    hashes = [hashed or b"" for hashed in made.values]
    assert all(bcrypt_batch.verify_many(passwords, hashes).values)


def theirs() -> None:
    import numpy
    from sklearn.cluster import KMeans

    KMeans(8, n_init=2, random_state=0).fit(numpy.random.default_rng(0).random((4000, 8)))


for part in ([ours, theirs] if sys.argv[1] == "first" else [theirs, ours]) * 2:
    part()
with open("/proc/self/maps") as maps:
    libraries = {line.split()[-1] for line in maps if "gomp" in line}
assert len(libraries) == 2, libraries
