# small things that I need everywhere
import time

CALLS = {}


def count_calls(f):
    # counts and times a function (no functools.wraps on purpose: I did not know it)
    def counted(*args, **kwargs):
        start = time.time()
        result = f(*args, **kwargs)
        CALLS.setdefault(f.__name__, []).append(time.time() - start)
        return result

    return counted


def show(name, a):
    # prints the shape of anything
    print("   ", name, type(a).__name__, getattr(a, "shape", None))


def check_shape(a, *shape):
    assert a.shape == shape, "expected %s, have %s" % (shape, a.shape)
    return a


print("my_helpers imported at", time.strftime("%H:%M:%S"))
