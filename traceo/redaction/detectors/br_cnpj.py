"""BR_CNPJ: Cadastro Nacional da Pessoa Jurídica.

Fourteen digits, two check digits modulo 11 (Receita Federal).
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if "/" in text else POSSIBLE


_SHAPE = r"(?:\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}|\d{14})"
DETECTOR = Detector(
    entity="BR_CNPJ",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("99.999.999/9999", "99999999999999"),
    context=context_words("cnpj", "empresa", "fornecedor"),
)
