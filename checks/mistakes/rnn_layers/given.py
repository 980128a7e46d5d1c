"""Known mistakes in what is handed out complete: what a student may have broken while trying things out."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

GRADIENTS = ("reference_gradient", "numerical_gradient")
GIVEN = "This function was handed out complete: compare it with the original."

AFFINE_FORWARD = mistakes_in(
    "rnn_layers.affine_forward",
    entry("bias_missing", "@ w + b", "@ w", "the bias b is not added", GIVEN, "values", "example"),
    entry("summed", "@ w + b", "@ w + b.sum()", "the sum of the bias is added to every output", GIVEN, "values"),
    entry("cache_missing", "return out, cache", "return out", "only out is returned", GIVEN, "shapes"),
    entry("squeezed", "return out,", "return np.squeeze(out),", "an axis of length one is dropped", GIVEN,
          "edge_cases"),
    entry("float32", "@ w + b", "@ w + b.astype(np.float32)", "the bias is cut to float32", GIVEN, "precision"),
    entry("images_not_flattened", "x.reshape(x.shape[0], -1) @ w", "x @ w", "x of more dimensions is not flattened", GIVEN,
          "images"),
    entry("input_centred", "cache = (", "x -= x.mean(axis=0)\n    cache = (", "x is changed in place", GIVEN,
          "inputs_unmodified"),
    entry("cache_shared", "cache = (x, w, b)",
          "cache = affine_forward.__dict__.setdefault('c', [])\n    cache[:] = [x, w, b]", "all calls share one cache",
          GIVEN, "rnn_layers.affine_backward.edge_cases"),
)  # fmt: skip

AFFINE_BACKWARD = mistakes_in(
    "rnn_layers.affine_backward",
    entry("dx_flat", "(dout @ w.T).reshape(x.shape)", "dout @ w.T", "dx stays flat", GIVEN, "images"),
    entry("dw_averaged", ".T @ dout", ".T @ dout / len(x)", "dw is divided by the batch size", GIVEN, *GRADIENTS),
    entry("db_averaged", "dout.sum(axis=0)", "dout.mean(axis=0)", "db is a mean over the batch", GIVEN, *GRADIENTS),
    entry("dx_sign", "(dout @ w.T)", "(-dout @ w.T)", "dx has the wrong sign", GIVEN, *GRADIENTS),
    entry("db_axis", "dout.sum(axis=0)", "dout.sum(axis=1)", "db is summed over the wrong axis", GIVEN, "shapes"),
    entry("order", "return dx, dw,", "return dw, dx,", "dx and dw are swapped", GIVEN, "shapes"),
    entry("squeezed", "return dx, dw,", "return dx, np.squeeze(dw),", "an axis of length one is dropped", GIVEN,
          "edge_cases"),
    entry("float32", "dx = (dout @ w.T)", "dx = (dout @ w.T).astype(np.float32)", "dx is cut to float32", GIVEN,
          "precision"),
    entry("input_overwritten", "    return", "    x[:] = dx\n    return", "dx is written into the array of x", GIVEN,
          "inputs_unmodified"),
)  # fmt: skip

TEMPORAL_AFFINE_FORWARD = mistakes_in(
    "rnn_layers.temporal_affine_forward",
    entry("bias_missing", "x @ w + b", "x @ w", "the bias b is not added", GIVEN, "values", "example"),
    entry("last_step_only", "x @ w + b", "x[:, -1:].repeat(x.shape[1], axis=1) @ w + b",
          "every step shows the last step's scores", GIVEN, "values"),
    entry("out_only", "return out, cache", "return out", "only out is returned", GIVEN, "shapes"),
    entry("squeezed", "return out,", "return np.squeeze(out),", "an axis of length one is dropped", GIVEN,
          "edge_cases"),
    entry("float32", "x @ w + b", "x @ w + b.astype(np.float32)", "the bias is cut to float32", GIVEN, "precision"),
    entry("weight_updated", "cache = (", "w -= 0.1 * w\n    cache = (", "w is changed in place", GIVEN,
          "inputs_unmodified"),
)  # fmt: skip

TEMPORAL_AFFINE_BACKWARD = mistakes_in(
    "rnn_layers.temporal_affine_backward",
    entry("dw_last_step", "np.tensordot(x, dout, axes=([0, 1], [0, 1]))", "x[:, -1].T @ dout[:, -1]",
          "dw is that of the last step", GIVEN, *GRADIENTS),
    entry("dw_averaged", "axes=([0, 1], [0, 1]))", "axes=([0, 1], [0, 1])) / x.shape[1]", "dw is a mean over time",
          GIVEN,
          *GRADIENTS),
    entry("db_averaged", "dout.sum(axis=(0, 1))", "dout.mean(axis=0).sum(axis=0)", "db is a mean over the batch", GIVEN,
          *GRADIENTS),
    entry("db_over_time", "dout.sum(axis=(0, 1))", "dout.sum(axis=1)", "db is summed over time only", GIVEN, "shapes"),
    entry("order", "return dx, dw,", "return dw, dx,", "dx and dw are swapped", GIVEN, "shapes"),
    entry("squeezed", "return dx, dw,", "return dx, np.squeeze(dw),", "an axis of length one is dropped", GIVEN,
          "edge_cases"),
    entry("float32", "dx = dout @ w.T", "dx = dout.astype(np.float32) @ w.T", "dout is cut to float32", GIVEN,
          "precision"),
    entry("upstream_divided", "dx = dout @ w.T", "dx = dout @ w.T\n    dout /= 2\n    dout = dout * 2",
          "dout is changed in place", GIVEN, "inputs_unmodified"),
)  # fmt: skip

SOFTMAX_LOSS = mistakes_in(
    "rnn_layers.temporal_softmax_loss",
    entry("mean_over_time", "/ N  #", "/ (N * x.shape[1])  #", "the loss is averaged over time too", GIVEN, "values"),
    entry("not_averaged", "[:, :, None] / N", "[:, :, None]", "the loss is not divided by N", GIVEN, "values"),
    entry("mean_over_words", "/ N  #", "/ max(np.sum(mask), 1)  #", "the loss is divided by the number of words", GIVEN,
          "values"),
    entry("mask_ignored", "np.asarray(mask)", "np.ones_like(mask)", "the mask is ignored", GIVEN, "values"),
    entry("mask_inverted", "np.asarray(mask)", "(1 - np.asarray(mask))", "the mask is inverted", GIVEN, "values"),
    entry("sign", "-np.sum(", "np.sum(", "the loss has the wrong sign", GIVEN, "values", "numerical_gradient"),
    entry("dx_without_right_word", "axis=2) - 1, axis=2)", "axis=2), axis=2)",
          "dx lacks the -1 at the right word", GIVEN, "values", "numerical_gradient"),
    entry("dx_not_masked", "dx *= weight", "dx /= N", "dx is not masked", GIVEN, "values", "numerical_gradient"),
    entry("dx_not_averaged", "dx *= weight", "dx *= weight * N", "dx is not divided by N", GIVEN, "values",
          "numerical_gradient"),
    entry("overflows", "x - x.max(axis=2, keepdims=True)", "x", "exp overflows for large scores", GIVEN, "edge_cases"),
    entry("shifted_by_global_maximum", "x.max(axis=2, keepdims=True)", "x.max()",
          "the greatest score of all is taken from all steps, so that exp underflows", GIVEN, "edge_cases"),
    entry("scores_changed", "shifted = x - x.max(axis=2, keepdims=True)",
          "x -= x.max(axis=2, keepdims=True)\n    shifted = x",
          "the scores are changed in place", GIVEN, "edge_cases"),
    entry("squeezed", "return loss, dx", "return loss, dx[0] if len(dx) == 1 else dx",
          "the batch axis of dx is dropped for one caption", GIVEN, "edge_cases"),
)  # fmt: skip

MISTAKES = (
    *AFFINE_FORWARD, *AFFINE_BACKWARD, *TEMPORAL_AFFINE_FORWARD, *TEMPORAL_AFFINE_BACKWARD, *SOFTMAX_LOSS,
)  # fmt: skip
