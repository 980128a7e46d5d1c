"""Known mistakes in SimCLR's training loop, and in the loops that were handed out."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

CALL = "simclr_loss_vectorized(out_left, out_right, temperature, device=device)"
OUTPUT = "The model returns two things: on which of them does SimCLR compute its loss?"
TWO = "Each view goes through the model once."
ARGUMENTS = "Compare what the loss is given with its parameters."
STEP = "Old gradients out, new gradients in, one step: in this order, for every batch."
CUT = "What happens between the model's output and the loss must stay differentiable."
AVERAGE = "Which number does the function return, and over what is it averaged?"
GIVEN = "Compare the lines around your region with the handout."

TRAIN = mistakes_in(
    "simclr_utils.train",
    entry("representation", "_, out_left = model(x_i)  # (N, feature_dim)\n        _, out_right = model(x_j)",
          "out_left, _ = model(x_i)\n        out_right, _ = model(x_j)", "the loss is computed on the representations",
          OUTPUT, "values", "step"),
    entry("one_view_twice", "model(x_j)", "model(x_i)", "the first view is taken for the second one as well", TWO,
          "values"),
    entry("second_view_twice", "model(x_i)", "model(x_j)", "the second view is taken for the first one as well", TWO,
          "values"),
    entry("temperature_by_default", CALL, "simclr_loss_vectorized(out_left, out_right, 0.5, device=device)",
          "the temperature is always 0.5", ARGUMENTS, "values"),
    entry("default_temperature", "temperature=0.5", "temperature=0.07", "the temperature is 0.07 by default", ARGUMENTS,
          "values"),
    entry("temperature_one", CALL, "simclr_loss_vectorized(out_left, out_right, 1.0, device=device)",
          "the temperature is always 1", ARGUMENTS, "values"),
    entry("temperature_inverted", CALL, "simclr_loss_vectorized(out_left, out_right, 1 / temperature, device=device)",
          "the loss is given 1 / temperature", ARGUMENTS, "values"),
    entry("temperature_by_epochs", CALL,
          "simclr_loss_vectorized(out_left, out_right, temperature / epoch, device=device)",
          "the temperature falls with the epochs", ARGUMENTS, "values"),
    entry("against_itself", CALL, "simclr_loss_vectorized(out_left, out_left, temperature, device=device)",
          "left is compared with left", ARGUMENTS, "values"),
    entry("device_fixed", CALL, 'simclr_loss_vectorized(out_left, out_right, temperature, device="cuda")',
          "the loss is computed on the GPU, whatever `device` says", ARGUMENTS, "shapes"),
    entry("images_on_the_gpu", "x_i.to(device), x_j.to(device)", 'x_i.to("cuda"), x_j.to("cuda")',
          "the images go to the GPU, whatever `device` says", ARGUMENTS, "shapes"),
    entry("loss_doubled", "device=device)", "device=device) * 2", "the loss is doubled", ARGUMENTS, "values", "step"),
    entry("pairs_shuffled", CALL,
          "simclr_loss_vectorized(out_left, out_right.roll(1, 0), temperature, device=device)",
          "the second views belong to other images", ARGUMENTS, "values"),
    entry("loss_cut_off", "device=device)", "device=device).detach().requires_grad_()", "the loss has no history", CUT,
          "step"),
    entry("second_view_detached", "_, out_right = model(x_j)", "out_right = model(x_j)[1].detach()",
          "no gradient flows through the second view", CUT, "step"),
    entry("first_view_detached", "_, out_left = model(x_i)", "out_left = model(x_i)[1].detach()",
          "no gradient flows through the first view", CUT, "step"),
    entry("no_step", "        train_optimizer.step()\n", "", "the optimiser takes no step", STEP, "step"),
    entry("two_steps", "train_optimizer.step()", "train_optimizer.step()\n        train_optimizer.step()",
          "the optimiser takes two steps for each batch", STEP, "step"),
    entry("gradients_kept", "        train_optimizer.zero_grad()\n", "", "the gradients are never reset", STEP, "step"),
    entry("gradients_reset_once", "        train_optimizer.zero_grad()\n",
          "        if total_num == 0:\n            train_optimizer.zero_grad()\n",
          "the gradients are reset before the first batch only", STEP, "gradient_reset"),
    entry("clipped", "loss.backward()", "loss.backward()\n        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)",
          "the gradients are clipped", STEP, "step"),
    entry("every_second_step", "train_optimizer.step()",
          "if total_num % (2 * batch_size) == 0:\n            train_optimizer.step()", "every second step is left out",
          STEP, "gradient_reset"),
    entry("reset_too_late", "train_optimizer.zero_grad()\n        loss.backward()",
          "loss.backward()\n        train_optimizer.zero_grad()", "the gradients are reset before the step is taken",
          STEP,
          "step"),
    entry("first_batch_only", "total_num += batch_size",
          "if total_num:\n            break\n        total_num += batch_size",
          "training ends early", STEP, "gradient_reset"),
    entry("ends_after_64_batches", "total_num += batch_size",
          "if total_num >= 64 * batch_size:\n            break\n        total_num += batch_size",
          "training ends after 64 batches", STEP, "gradient_reset"),
    entry("backward_twice", "        loss.backward()\n",
          "        loss.backward(retain_graph=True)\n        loss.backward()\n",
          "the gradients are added up twice", STEP, "step"),
    entry("evaluation_mode", "model.train()", "model.eval()", "the model is not in training mode", GIVEN, "mode"),
    entry("evaluated_after_first_batch", "loss.backward()", "model.eval()\n        loss.backward()",
          "after the first batch the model is in evaluation mode", "Which lines change the model's mode?", "mode"),
    entry("mode_untouched", "    model.train()\n", "", "the model stays in the mode that it is in", GIVEN, "mode"),
    entry("sum_returned", "return total_loss / total_num", "return total_loss", "the sum of the losses is returned",
          AVERAGE, "values"),
    entry("last_loss_returned", "return total_loss / total_num", "return loss.item()",
          "the last batch's loss is returned",
          AVERAGE, "values"),
    entry("not_weighted", "loss.item() * batch_size", "loss.item()", "the losses are not weighted by the batch's size",
          AVERAGE, "values"),
    entry("nothing_returned", "return total_loss / total_num", "total_loss / total_num", "nothing is returned", AVERAGE,
          "shapes"),
    entry("large_batches_cut", "_, out_left = model(x_i)  # (N, feature_dim)",
          "x_i, x_j = x_i[:32], x_j[:32]\n        _, out_left = model(x_i)", "images beyond the 32nd are left out", TWO,
          "edge_cases"),
)  # fmt: skip

TRAIN_VAL = mistakes_in(
    "simclr_utils.train_val",
    entry("never_trains", "is_train = train_optimizer is not None", "is_train = False", "it never trains", GIVEN,
          "values"),
    entry("fractions", "100 * correct_1 / total_num, 100", "correct_1 / total_num, 100",
          "the accuracy is no percentage",
          GIVEN, "values"),
)  # fmt: skip

TEST = mistakes_in(
    "simclr_utils.test",
    entry("fractions", "return 100 * correct_1 / total_num, 100", "return correct_1 / total_num, 100",
          "the accuracy is no percentage", GIVEN, "values"),
)  # fmt: skip

MISTAKES = (*TRAIN, *TRAIN_VAL, *TEST)
