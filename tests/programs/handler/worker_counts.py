"""test_handler.py runs this in the handler's folder, as on Lambda: nothing else is on the path."""

import app
import bcrypt_batch


class Context:
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 9000


answer = app.handler({"count": 9, "cost": 4}, Context())
print(app.WORKERS, answer["workers"], bcrypt_batch.worker_count())
