"""Where a key set is kept: a folder, an environment variable, Vault, or a file that a key service protects.

==============================  ====================================================================
place                           what is there
==============================  ====================================================================
``file:DIR`` or a folder        ``DIR/keys.json``, mode 0600; plain, or locked with a passphrase
``env:NAME``                    the content of such a file in a variable; cannot be changed from here
``vault-kv://HOST/MOUNT/PATH``  a secret of Vault's KV version 2; earlier versions are destroyed
``vault-transit://HOST/M/KEY``  a file under a content key that Vault's Transit engine wraps
``aws-kms://KEY``               a file under a content key that AWS KMS wraps
==============================  ====================================================================

The last two take ``?dir=DIR`` for the folder of the file, AWS also ``&region=…``. Without a HOST, Vault's
address is ``VAULT_ADDR``. `open_store` turns a place into a `KeyStore`; `load`, `load_or_create` and `update`
work on any.
"""

from traceo.sealing.providers.phrases import phrase_source
from traceo.sealing.providers.places import open_store
from traceo.sealing.providers.store import ChangedError, KeyStore, load, load_or_create, update

__all__ = ["ChangedError", "KeyStore", "load", "load_or_create", "open_store", "phrase_source", "update"]
