"""What fits bcrypt_batch into frameworks. Nothing else here imports them, or this."""
