"""Airflow in an environment of its own, and its processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import signal
import socket
import subprocess
import time
import typing as t

import psycopg

from tests.support.programs import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "airflow"
_COMMAND_SECONDS = 180
_RUN_SECONDS = 1800
_END_SECONDS = 20


def install() -> pathlib.Path:
    """Install what `requirements.txt` freezes, once.

    Returns:
        The folder of Airflow's executables.
    """
    frozen = (DEPLOY / "requirements.txt").read_text("utf-8").splitlines()
    # The first one names the environment.
    ordered = sorted(frozen, key=lambda line: not line.startswith("apache-airflow=="))
    return program("airflow", *ordered).parent


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Airflow:
    """An installed Airflow with a home and a database of its own.

    Args:
        folder: The fleet's folder: `dags`, `connections.yml`, `pools.json` and `meltano.yml`.
        database: URL of Airflow's database.
        env: Further variables of the environment.
    """

    def __init__(self, folder: pathlib.Path, database: str, env: t.Mapping[str, str]) -> None:
        self._bin = install()
        self._folder = folder
        self._database = database
        self._number = itertools.count(1)
        home = folder / "airflow"
        home.mkdir()
        port, bare = free_port(), database.partition("://")[2]
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "MELTANO_", "TAP_", "TARGET_", "ERP_", "PYTEST_"))
        }
        self._port = port
        self._env = {
            **kept,
            **env,
            "AIRFLOW_HOME": str(home),
            "ERP_FLEET": str(folder),
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            **{f"AIRFLOW__{name}": value for name, value in self._options(bare, port).items()},
        }

    def _options(self, bare: str, port: int) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(self._folder / "dags"),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "6",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "CORE__MP_START_METHOD": "spawn",
            "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{bare}",
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{bare}",
            "DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
            "DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "5",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": "only-on-loopback-and-only-for-this-test",
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "SCHEDULER__USE_JOB_SCHEDULE": "False",
        }

    def command(
        self, *arguments: str, code: int | None = 0, seconds: float = _COMMAND_SECONDS
    ) -> str:
        """Run one command of Airflow's, and return what it says."""
        log = self._folder / f"airflow-{next(self._number)}-{'-'.join(arguments[:2])}.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [str(self._bin / "airflow"), *arguments],
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=seconds,
                check=False,
            )
        said = log.read_text("utf-8", errors="replace")
        assert code is None or done.returncode == code, said[-6000:]
        return said

    def set_up(self) -> None:
        """Make the database."""
        self.command("db", "migrate")

    @contextlib.contextmanager
    def running(self) -> t.Iterator[None]:
        """Run API server, DAG processor and scheduler; they are ended by their ids."""
        self.command("pools", "import", str(self._folder / "pools.json"))
        with contextlib.ExitStack() as ends:
            # The logs lie on this machine, so nobody needs to fetch them.
            for name, *more in (
                ["api-server"],
                ["dag-processor"],
                ["scheduler", "--skip-serve-logs"],
            ):
                log = ends.enter_context((self._folder / f"{name}.log").open("wb"))
                process = subprocess.Popen(
                    [str(self._bin / "airflow"), name, *more],
                    env=self._env,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                ends.callback(_end, process)
                if name == "api-server":
                    self._wait_for_port(process)
            yield

    def _wait_for_port(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _COMMAND_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self._port), 1),
            ):
                return
            time.sleep(0.2)
        msg = f"the API server did not start: see {self._folder}/api-server.log"
        raise AssertionError(msg)

    def test(self, dag: str) -> dict[str, str]:
        """Run a DAG without scheduler, one task after the other; see `run`."""
        self.command("dags", "test", dag, code=None, seconds=_RUN_SECONDS)
        return self._states(dag, "manual__%")

    def run(self, dag: str) -> dict[str, str]:
        """Have the scheduler run a DAG, and wait for its end.

        Returns:
            The state of each map index by account, and that of the run by the DAG's id.
        """
        run = f"fleet_{time.time_ns()}"
        self._wait("SELECT 1 FROM dag WHERE dag_id = %s", dag)
        self.command("dags", "unpause", dag)
        self.command("dags", "trigger", dag, "--run-id", run)
        ended = "SELECT 1 FROM dag_run WHERE run_id = %s AND state IN ('success', 'failed')"
        self._wait(ended, run)
        return self._states(dag, run)

    def _wait(self, query: t.LiteralString, value: str) -> None:
        deadline = time.monotonic() + _RUN_SECONDS
        with contextlib.closing(psycopg.connect(self._database, autocommit=True)) as connection:
            while not connection.execute(query, (value,)).fetchone():
                assert time.monotonic() < deadline, f"{value}: no end, see {self._folder}/*.log"
                time.sleep(0.5)

    def _states(self, dag: str, run: str) -> dict[str, str]:
        newest = (
            "SELECT run_id, state FROM dag_run WHERE dag_id = %s AND run_id LIKE %s"
            " ORDER BY id DESC LIMIT 1"
        )
        tasks = (
            "SELECT coalesce(rendered_map_index, task_id || map_index), state"
            " FROM task_instance WHERE dag_id = %s AND run_id = %s"
        )
        with contextlib.closing(psycopg.connect(self._database, autocommit=True)) as connection:
            found = connection.execute(newest, (dag, run)).fetchone()
            assert found is not None
            return {dag: found[1], **dict(connection.execute(tasks, (dag, found[0])).fetchall())}


@contextlib.contextmanager
def end_all_of(folder: pathlib.Path) -> t.Iterator[None]:
    """End, on leaving the context, all processes that work for a fleet, by their ids."""
    try:
        yield
    finally:
        mark = f"ERP_FLEET={folder}".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, in whatever session that is."""
    family = list(_family(process.pid))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_END_SECONDS)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _family(pid: int) -> t.Iterator[int]:
    """A process and those that it has started, the youngest first."""
    with contextlib.suppress(OSError):
        for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _family(int(child))
    yield pid
