"""Write schemes.json: `python -m tests.vectors.make_scheme_answers > tests/vectors/schemes.json`.

It needs Django and libpass (PyPI), and Debian's php-cli and apache2-utils. Published answers are
listed here, with their source.
"""

from __future__ import annotations

import json

from tests import makers

# Each scheme, password, stored text and source; a number is a mode of hashcat, whose module has it.
PUBLISHED = """
bcrypt hashcat $2a$05$LhayLxezLhK1LhWvKxCyLOj0j1u.Kj0jZ0pEmm134uzrQlFvQJLF6 3200
md5-hex hashcat $2a$05$/VT2Xs2dMd8GJKfrXhjYP.DkTjOVrY12yDN7/6I8ZV0q/1lEohLru 25600
sha1-hex hashcat $2a$05$Uo385Fa0g86uUXHwZxB90.qMMdRFExaXePGka4WGFv.86I45AEjmO 25800
sha512-hex hashcat $2a$12$KhivLhCuLhSyMBOxLxCyLu78x4z2X/EJdZNfS3Gy36fvRt56P2jbS 28400
sha256-hex hashcat $2b$10$FxDtpTNaL303lLcWtd6LFO2U6Gc63VJ07qycHcfqbQQ71GhO/qSzu 30600
passlib-v2 hashcat \
$bcrypt-sha256$v=2,t=2b,r=12$KSOjON/ciJR86a00N5q61.$AmWZucQuHk13FGkQWhgMeiFvBfm2GCy 30601
woltlab hashcat $2a$08$hashcatohohohohohohohegk6PN.SFkoXxDIkacAGKFN9AF8nx.Hi 33800
cockroachdb demo37559 CRDB-BCRYPT$2a$10$vcmoIBvgeHjgScVHWRMWI.Z3v03WMixAw2bBS6qZihljSUuwi88Yq \
CockroachDB, interactive tests of its command line
passlib-v1 password $bcrypt-sha256$2a,12$LrmaIX5x4TRtAwEfwJZa1.$2ehnw6LvuIUTM0iz4iz9hTxv21B6KFO \
passlib, its documentation of bcrypt_sha256
wordpress admin $wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES \
a public demonstration of WordPress in WebAssembly, its administrator
"""


def main() -> None:
    given = [password for password in makers.passwords(17, seed=2026) if len(password) < 300]
    made = [
        *makers.with_python("Django", makers.WITH_DJANGO, given),
        *makers.with_python("libpass", makers.WITH_LIBPASS, given),
        *makers.with_php(given),
        *makers.with_htpasswd(given),
    ]
    entries = [
        {"scheme": scheme, "password_hex": password.encode().hex(), "stored": stored,
         "by": f"hashcat, mode {source}" if source.isdecimal() else source}
        for line in PUBLISHED.strip().splitlines()
        for scheme, password, stored, source in [line.split(maxsplit=3)]
    ]  # fmt: skip
    entries += [
        {"scheme": one.scheme, "password_hex": one.password.hex(), "stored": one.text.decode(),
         "by": one.by}
        for one in made
    ]  # fmt: skip
    print("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]")


if __name__ == "__main__":
    main()
