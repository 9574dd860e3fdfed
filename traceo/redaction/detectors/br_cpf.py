"""BR_CPF: Cadastro de Pessoas Físicas: eleven digits, two check digits modulo 11 (Receita Federal).

Written 000.000.000-00 the format counts alone; bare digits need a context word.
"""

from .detector import AFTER, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words, first_digit

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if "." in text else POSSIBLE


DETECTOR = Detector(
    entity="BR_CPF",
    trigger=EDGE + r"(?:\d{3}\.\d{3}\.\d{3}[-/]|\d{9}-?)\d{2}" + EDGE,
    find=by_pattern(first_digit() + r"\d\d(?:\.\d{3}\.\d{3}[-/]\d{2}|\d{6}-?\d{2})" + AFTER, _judge),
    digits=11,
    shapes=("<999.999.999-99>", "<999.999.999/99>", "<99999999999>", "<999999999-99>"),
    context=context_words("cpf", "cadastro", "contribuinte", "pessoa f[ií]sica", "documento"),
)
