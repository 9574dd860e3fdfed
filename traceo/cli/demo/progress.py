"""The progress bar: one line an act."""

from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

__all__ = ["Progress"]


class Progress:
    """A rich progress display; the acts' bars stay when they are done."""

    def __init__(self, console: Console) -> None:
        self._display = progress.Progress(
            progress.TextColumn("{task.description:<16}"),
            progress.BarColumn(),
            progress.TimeElapsedColumn(),
            console=console,
        )
        self._task: progress.TaskID | None = None

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._display.stop()

    def act(self, name: str) -> None:
        """The next act begins; its length is not known yet."""
        self._finish()
        self._task = self._display.add_task(name, total=None)

    def share(self, done: float) -> None:
        """How much of the act is done, 0.0 to 1.0."""
        if self._task is not None:
            self._display.update(self._task, total=1.0, completed=done)

    def _finish(self) -> None:
        self.share(1.0)
        if self._task is not None:
            self._display.stop_task(self._task)
