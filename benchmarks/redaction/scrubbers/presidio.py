"""presidio-analyzer with its default recognizers, those of the corpus that it ships switched off, and no NER model.

No trained English spaCy model is on a package registry, so names and places are not looked for. A blank pipeline
has no lemmas, which presidio compares its context words with; here the words stand for them.
"""

import os

os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""  # it would fetch the public-suffix list

import logging

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import InAadhaarRecognizer, InPanRecognizer, SgFinRecognizer

logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
_LEFT_OUT = {"DATE_TIME", "URL"}


@spacy.Language.component("words_as_lemmas")
def _words_as_lemmas(doc):
    for token in doc:
        token.lemma_ = token.lower_
    return doc


def _analyzer():
    nlp = spacy.blank("en")
    nlp.add_pipe("words_as_lemmas")
    engine = SpacyNlpEngine()
    engine.nlp = {"en": nlp}
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    for recognizer in (InAadhaarRecognizer(), InPanRecognizer(), SgFinRecognizer()):
        registry.add_recognizer(recognizer)
    return AnalyzerEngine(registry=registry, nlp_engine=engine)


_engine = _analyzer()
_entities = sorted(set(_engine.get_supported_entities("en")) - _LEFT_OUT)


def find(text):
    results = _engine.analyze(text, language="en", entities=_entities, score_threshold=0.35)
    return [(result.start, result.end, result.entity_type) for result in results]


def redact(text):
    at, parts = 0, []
    for start, end, entity in sorted(find(text)):
        if end > at:
            parts += [text[at : max(at, start)], f"[{entity}]"]
            at = end
    return "".join([*parts, text[at:]])
