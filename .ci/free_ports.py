"""Ports that are free now, below those that the system hands out to clients: between the choice of one and its use another program
seldom takes it.

usage: free_ports.py COUNT
"""

import random
import socket
import sys


def free_ports(count):
    held = []
    while len(held) < count:
        try:
            held.append(socket.create_server(("127.0.0.1", random.randrange(20_000, 32_768))))
        except OSError:
            pass
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
