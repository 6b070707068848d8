"""Exits with 0 while the process at a port of this machine is ready: the image's health check, without curl."""

import sys
import urllib.error
import urllib.request


def main(port: str) -> int:
    """Ask `/readyz`.

    Args:
        port: 8321 of `holdfast serve`, or the `--metrics-port` of `holdfast worker`.
    """
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(port)}/readyz", timeout=4) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as refused:
        print(refused.read().decode())
    except OSError as error:
        print(error)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
