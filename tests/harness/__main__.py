"""`python -m harness` and what to do:

db              a server to play with
matrix          write the list of grants
bindir 17       where the programs of this version of PostgreSQL lie; they are fetched where there are none
versions ...    the tests on every version; what follows is for pytest
"""

import shutil
import signal
import sys

import psycopg

from harness import Cluster, Tenants, UnavailableError, matrix, versions
from syncwell.embedded import Server


def play(cluster: Cluster) -> None:
    """Keep the server up until a signal; the logins of the tests' two orgs need no password."""
    database = cluster.shared
    # a machine without PostgreSQL has the psql of the server's wheel
    psql = "psql" if shutil.which("psql") else database.server.bindir / "psql"
    print(f"superuser:  {psql} '{database.uri()}'")
    for login in Tenants.LOGINS:
        print(f"{login + ':':<11} {psql} '{database.uri(login)}'")
    print("Ctrl-C ends the server and removes it.", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def write_matrix(cluster: Cluster) -> None:
    """Rewrite the list where the catalog says otherwise."""
    with psycopg.connect(cluster.shared.uri()) as connection:
        text = matrix.listing(connection)
    if not matrix.FILE.exists() or matrix.FILE.read_text() != text:
        matrix.FILE.write_text(text)
        print(f"wrote {matrix.FILE.name}")


def main() -> None:
    """Do what the arguments say."""
    actions = {"db": play, "matrix": write_matrix}
    match sys.argv[1:]:
        case ["bindir", major] if major.isdecimal():
            try:
                print(versions.bindir(int(major)))
            except UnavailableError as reason:
                sys.exit(str(reason))
        case ["versions", *arguments]:
            sys.exit(versions.run_all(arguments))
        case [("db" | "matrix") as action]:
            if action == "db":
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            with Server() as server, Cluster(server, UnavailableError("not needed")) as cluster:
                actions[action](cluster)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
