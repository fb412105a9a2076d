"""moto's server, whose DynamoDB takes one call at a time: AWS's checks a condition and writes in one step, moto's in two.

usage: serve_moto.py -H HOST -p PORT
"""

import threading

from moto import server


class OneAtATime(server.DomainDispatcherApplication):
    turn = threading.Lock()

    def __call__(self, environ, start_response):
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return super().__call__(environ, start_response)
        with self.turn:
            return super().__call__(environ, start_response)


server.DomainDispatcherApplication = OneAtATime
server.main()
