import pytest

from traceo.redaction.presidio import is_installed


@pytest.fixture(scope="session")
def presidio():
    """The extra, or a skip that says what is missing."""
    if not is_installed():
        pytest.skip("presidio-analyzer is not installed (the extra traceo[presidio])")


@pytest.fixture(scope="session")
def model(tmp_path_factory, presidio):
    """A spaCy model that has learnt one sentence frame, trained here: no model can be had without a network."""
    import random

    import spacy
    from spacy.training import Example

    first = ["Ada", "Grace", "Linus", "Margaret", "Alan", "Barbara"]
    last = ["Lovelace", "Hopper", "Torvalds", "Hamilton", "Turing", "Liskov"]
    frames = ["{} wants the parcel on Friday", "the neighbour {} has the key", "please call {} before noon"]
    spacy.util.fix_random_seed(1)
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    ner.add_label("PERSON")
    examples = []
    for i in range(60):
        name = f"{first[i % 6]} {last[(i * 5 + i // 6) % 6]}"
        frame = frames[i % 3]
        start = frame.index("{}")
        entities = {"entities": [(start, start + len(name), "PERSON")]}
        examples.append(Example.from_dict(nlp.make_doc(frame.format(name)), entities))
    optimizer = nlp.initialize(lambda: examples)
    shuffle = random.Random(1)
    for _ in range(12):
        shuffle.shuffle(examples)
        for at in range(0, 60, 10):
            nlp.update(examples[at : at + 10], sgd=optimizer)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    nlp.to_disk(folder)
    return folder
