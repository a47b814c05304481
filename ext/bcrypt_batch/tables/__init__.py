"""Whole tables: files of users, with a result line for each row.

`rows` has a file's rows with their byte offsets, `compute` hashes or checks a stretch of rows,
`results` formats the outcome of each row. The command line (`commands`) and the functions of the
state machine use the same three modules, so that both give the same lines for the same file.

`import bcrypt_batch` imports no module of this folder.
"""
