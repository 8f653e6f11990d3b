"""Runs a command, sends SIGINT once a line of its standard error begins with
the given text, and prints both its outputs and its exit status."""
import signal
import subprocess
import sys


def main():
    start, command = sys.argv[1], sys.argv[2:]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        print(line, end="")
        if line.startswith(start):
            process.send_signal(signal.SIGINT)
            break
    out, rest = process.communicate()
    print(rest + out + f"status {process.returncode}")


if __name__ == "__main__":
    main()
