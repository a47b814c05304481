"""Whole tables: files of users, a result line for each row.

`rows` reads a file's rows with their byte offsets, `compute` hashes or checks a stretch of them,
`results` writes what came of each. The command line (`commands`) and the functions behind the state
machine use the same three, so that both give the same lines for the same file.

Nothing here is imported by `import bcrypt_batch`.
"""
