"""A limit on the number of a model's parameters, applied before memory is taken for them."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from typing import Any

from imgrec.errors import ImgrecError

MAX_PARAMETERS = 1_000_000_000
"""Three times those of the largest network in keras.applications; 4 GB in float32."""

# The method belongs to a class, which all threads share.
_ONE_AT_A_TIME = threading.RLock()


class TooManyParameters(ValueError):
    """A layer brings a model to more parameters than are allowed."""


@contextlib.contextmanager
def limited_parameters(most: int) -> Iterator[None]:
    """Limit the parameters of the Keras layers that are built in the context, all together.

    Raises:
        TooManyParameters: They would be more than `most`; whatever Keras makes of it.
    """
    import keras

    layer_class, count = keras.layers.Layer, 0
    add_weight, refused = layer_class.add_weight, list[TooManyParameters]()

    def counted(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        nonlocal count
        shape = arguments[0] if arguments else keywords.get("shape")
        if isinstance(shape, (tuple, list)):
            count += math.prod(size or 0 for size in shape)
        if count > most:
            message = f"the layer {layer.name} brings the model to {count:,} parameters"
            refused.append(TooManyParameters(f"{message}; at most {most:,} are allowed"))
            raise refused[0]
        return add_weight(layer, *arguments, **keywords)

    with _ONE_AT_A_TIME:
        layer_class.add_weight = counted
        try:
            yield
        except ImgrecError:
            raise
        except Exception as error:
            if refused and error is not refused[0]:
                raise refused[0] from error
            raise
        finally:
            layer_class.add_weight = add_weight
