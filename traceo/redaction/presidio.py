"""The deep tier's eyes: presidio-analyzer on one text, in our names and without the network.

Needs the extra ``presidio``. Two things in presidio and what it uses would fetch from the internet, and are
stopped here: tldextract asks for the public-suffix list at the first e-mail address (it gets the list that
its package carries), and spaCy downloads a model that is not there (a missing model is an error).
"""

import logging
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from traceo.errors import ConfigError

from .spans import MARKER, Span, join

__all__ = ["ENTITIES", "Presidio", "entity_of", "is_installed", "is_model", "recognizers_from"]

# presidio's names → ours. What is missing here keeps its name.
ENTITIES: Final[Mapping[str, str]] = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "PERSON": "NAME",
    "LOCATION": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "SG_NRIC_FIN": "SG_NRIC",
    "ES_NIF": "ES_DNI",
    "ES_NIE": "ES_DNI",
    "FI_PERSONAL_IDENTITY_CODE": "FI_HETU",
    "US_BANK_NUMBER": "BANK_ACCOUNT",
    "US_DRIVER_LICENSE": "DRIVER_LICENSE",
    "US_PASSPORT": "PASSPORT",
}
# Half of all free text has a date and a link in it; the engine looks into links better than presidio.
_LEFT_OUT: Final = frozenset({"DATE_TIME", "URL", "UUID"})
_NOT_A_MARKER = re.compile(r"[^A-Z]+")

_at_work: ContextVar[bool] = ContextVar("traceo_presidio_at_work", default=False)


def is_installed() -> bool:
    """Whether the extra is there; imports nothing."""
    return find_spec("presidio_analyzer") is not None and find_spec("spacy") is not None


def is_model(name: str) -> bool:
    """Whether ``name`` is a folder with a spaCy model or an installed model package; imports nothing."""
    return (Path(name) / "config.cfg").is_file() or (name.isidentifier() and find_spec(name) is not None)


def entity_of(presidio_name: str) -> str:
    """Our name, always fit for a marker: capitals and underscores, 2 to 31.

    >>> entity_of("EMAIL_ADDRESS"), entity_of("Plate-2")
    ('EMAIL', 'PLATE')
    """
    name = ENTITIES.get(presidio_name, presidio_name)
    fit = _NOT_A_MARKER.sub("_", name.upper()).strip("_")[:31]
    return fit if len(fit) > 1 else "PERSONAL"


def recognizers_from(place: str) -> list[object]:
    """The presidio recognizers that ``module:name`` stands for, made if it is a class.

    ``name`` may be a recognizer, a recognizer class, a list of either, or a function that returns one of
    these. A path that ends in ``.yaml`` stands for presidio's own format and is returned as it is. Raises
    ``ConfigError`` for what is none of it, and whatever the module raises on import.
    """
    if place.endswith((".yaml", ".yml")):
        return [Path(place)]
    module, separator, name = place.partition(":")
    if not separator:
        raise ConfigError(f"deep recognizer {place!r} is no module:name and no .yaml file")
    there: Any = getattr(import_module(module), name, None)
    base: type = import_module("presidio_analyzer").EntityRecognizer
    if callable(there) and not (isinstance(there, type) and issubclass(there, base)):
        there = there()
    many = cast("Sequence[Any]", there if isinstance(there, (list, tuple)) else [there])
    made: list[object] = [one() if isinstance(one, type) else one for one in many]
    if not made or not all(isinstance(one, base) for one in made):
        raise ConfigError(f"deep recognizer {place!r} is no presidio recognizer")
    return made


class Presidio:
    """An analyzer that is ready. Making one imports presidio and spaCy: seconds, and 200 MB of memory.

    Args:
        model: a spaCy model, as a folder or an installed package, for names and places; without one only
            patterns and recognizers look at the text.
        language: presidio's language code.
        recognizers: presidio recognizers, or paths of YAML files in presidio's format, beside the built-in.
        threshold: the least score that counts, 0 to 1.

    Raises:
        ConfigError: the model is not on this machine.
        ImportError: the extra is not installed.
    """

    def __init__(
        self,
        *,
        model: str = "",
        language: str = "en",
        recognizers: Sequence[object] = (),
        threshold: float = 0.4,
    ) -> None:
        if model and not is_model(model):
            raise ConfigError(f"spaCy model {model!r} is no folder of a model and not installed")
        self._language = language
        self._threshold = threshold
        _keep_offline()
        with _quiet():
            self._analyzer = _analyzer(model, language, recognizers)

    def find(self, text: str) -> list[Span]:
        """What is personal in ``text``, in order, without overlap, and without what redaction wrote there."""
        with _quiet():
            results: list[Any] = self._analyzer.analyze(
                text, language=self._language, score_threshold=self._threshold
            )
        markers = [match.span() for match in MARKER.finditer(text)]
        spans = [
            Span(result.start, result.end, entity, entity)
            for result in results
            if result.entity_type not in _LEFT_OUT
            and (entity := entity_of(result.entity_type))
            and not any(start <= result.start and result.end <= end for start, end in markers)
        ]
        return join(_around(spans, markers))


def _around(spans: list[Span], markers: list[tuple[int, int]]) -> list[Span]:
    """Spans that begin or end in the middle of a marker take it whole: half a marker says nothing."""
    grown: list[Span] = []
    for span in spans:
        start, end = span.start, span.end
        for first, last in markers:
            if first < end and start < last:
                start, end = min(start, first), max(end, last)
        grown.append(Span(start, end, span.entity, span.rule))
    return grown


def _analyzer(model: str, language: str, recognizers: Sequence[object]) -> Any:
    presidio, engines = import_module("presidio_analyzer"), import_module("presidio_analyzer.nlp_engine")
    # Given a loaded pipeline, so that presidio never looks for one to download.
    engine = engines.SpacyNlpEngine()
    engine.nlp = {language: _pipeline(model, language)}
    registry = presidio.RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    if model:
        registry.add_nlp_recognizer(nlp_engine=engine)
    for recognizer in recognizers:
        if isinstance(recognizer, Path):
            registry.add_recognizers_from_yaml(str(recognizer))
        else:
            registry.add_recognizer(recognizer)
    return presidio.AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])


def _pipeline(model: str, language: str) -> Any:
    spacy = import_module("spacy")
    if model:
        return spacy.load(model)
    # Lemmas are what presidio compares its context words with; a blank pipeline has none.
    name = "traceo_words_as_lemmas"
    spacy.Language.component(name, func=_words_as_lemmas)
    pipeline = spacy.blank(language)
    pipeline.add_pipe(name)
    return pipeline


def _words_as_lemmas(doc: Any) -> Any:
    for token in doc:
        token.lemma_ = token.lower_
    return doc


def _keep_offline() -> None:
    recognizer: Any = import_module("presidio_analyzer.predefined_recognizers.generic.email_recognizer")
    if not isinstance(recognizer.tldextract, SimpleNamespace):
        # No list to fetch and no cache to write: the snapshot in the package.
        offline = recognizer.tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
        recognizer.tldextract = SimpleNamespace(extract=offline, TLDExtract=type(offline))


@contextmanager
def _quiet() -> Generator[None]:
    logger = logging.getLogger("presidio-analyzer")
    if _not_ours not in logger.filters:
        logger.addFilter(_not_ours)
    token = _at_work.set(True)
    try:
        yield
    finally:
        _at_work.reset(token)


def _not_ours(_record: logging.LogRecord) -> bool:
    """Presidio logs words of the text it looks at, which would make telemetry of what we take out of it."""
    return not _at_work.get()
