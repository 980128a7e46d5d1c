"""Known mistakes in the four losses of the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

GRAPH = "Every step from the input to the result must be one that autograd can follow."
LABELS = "Which images should be taken for real, and by whom?"
STABLE = "Which function takes logits and stays exact where a sigmoid rounds to 0 or 1?"
MEAN = "E[...] is the mean over the batch."
HALF = "Compare the factors with the formula of the docstring."
FLOATS = "What type do the scores have, and what does it become?"

D_LOSS = mistakes_in(
    "gan_pytorch.discriminator_loss",
    entry("none", "return loss_real + loss_fake", "loss_real + loss_fake", "nothing is returned",
          "Is there a `return`?", "shapes"),
    entry("number", "return loss_real + loss_fake", "return (loss_real + loss_fake).item()",
          "a Python number is returned", GRAPH, "shapes"),
    entry("one_axis", "return loss_real + loss_fake", "return (loss_real + loss_fake).view(1)",
          "the loss has an axis", "The loss is one number.", "shapes"),
    entry("labels_swapped", "torch.ones_like(logits_real.squeeze()))",
          "torch.zeros_like(logits_real.squeeze()))", "real images are labelled fake", LABELS, "values"),
    entry("fakes_real", "torch.zeros_like", "torch.ones_like", "fake images are labelled real", LABELS,
          "values"),
    entry("real_only", "return loss_real + loss_fake", "return loss_real", "fake images do not count", LABELS,
          "values"),
    entry("fake_only", "return loss_real + loss_fake", "return loss_fake", "real images do not count", LABELS,
          "values"),
    entry("halved", "return loss_real + loss_fake", "return (loss_real + loss_fake) / 2", "the loss is halved",
          HALF, "values"),
    entry("difference", "loss_real + loss_fake", "loss_real - loss_fake", "the losses are subtracted", HALF,
          "values"),
    entry("smooth_labels", "torch.ones_like(logits_real.squeeze())",
          "0.9 * torch.ones_like(logits_real.squeeze())", "labels are 0.9 instead of 1", LABELS, "values"),
    entry("smooth_fakes", "torch.zeros_like(logits_fake.squeeze())", "0.1 * torch.ones_like(logits_fake.squeeze())",
          "labels of fakes are 0.1 instead of 0", LABELS, "values"),
    entry("sigmoid_first", "bce_loss(logits_real,", "bce_loss(torch.sigmoid(logits_real),",
          "a sigmoid comes before bce_loss, which takes logits", STABLE, "values"),
    entry("detached", "bce_loss(logits_fake,", "bce_loss(logits_fake.detach(),", "fake logits are detached",
          GRAPH, "gradients"),
    entry("log_of_sigmoid", "return loss_real + loss_fake",
          "return -(torch.sigmoid(logits_real).log() + (1 - torch.sigmoid(logits_fake)).log()).mean()",
          "the log of a sigmoid is infinite for large logits", STABLE, "large_values"),
    entry("clamped", "return loss_real + loss_fake",
          "return nn.BCELoss()(torch.sigmoid(logits_real), torch.ones_like(logits_real)) "
          "+ nn.BCELoss()(torch.sigmoid(logits_fake), torch.zeros_like(logits_fake))",
          "sigmoid and BCELoss cut large logits off", STABLE, "large_values"),
    entry("float64_only", "return loss_real + loss_fake",
          "weights = torch.full((len(logits_fake),), 1 / len(logits_fake), dtype=torch.float64)\n"
          "    losses = nn.functional.softplus(-logits_real) + nn.functional.softplus(logits_fake)\n"
          "    return weights @ losses.squeeze()",
          "only float64 logits can be taken", FLOATS, "precision"),
)  # fmt: skip

G_LOSS = mistakes_in(
    "gan_pytorch.generator_loss",
    entry("none", "return bce_loss", "bce_loss", "nothing is returned", "Is there a `return`?", "shapes"),
    entry("per_image", "return bce_loss(logits_fake, torch.ones_like(logits_fake.squeeze()))",
          "return nn.functional.softplus(-logits_fake)", "one loss per image is returned", MEAN, "shapes"),
    entry("fake_labels", "torch.ones_like", "torch.zeros_like", "fake images are labelled fake", LABELS,
          "values"),
    entry("minimax", "return bce_loss(logits_fake, torch.ones_like",
          "return -bce_loss(logits_fake, torch.zeros_like",
          "the loss is that of the minimax game, which has no gradient when D is sure", LABELS, "values"),
    entry("summed", "return bce_loss(logits_fake, torch.ones_like(logits_fake.squeeze()))",
          "return nn.functional.softplus(-logits_fake).sum()", "the loss is summed over the batch", MEAN,
          "values"),
    entry("over_128", "return bce_loss(logits_fake, torch.ones_like(logits_fake.squeeze()))",
          "return nn.functional.softplus(-logits_fake).sum() / 128", "the loss is divided by 128", MEAN,
          "values"),
    entry("detached", "bce_loss(logits_fake,", "bce_loss(logits_fake.detach().requires_grad_(),",
          "logits are detached", GRAPH, "gradients"),
    entry("log_of_sigmoid", "return bce_loss(logits_fake, torch.ones_like(logits_fake.squeeze()))",
          "return -torch.sigmoid(logits_fake).log().mean()",
          "the log of a sigmoid is infinite for large logits", STABLE, "large_values"),
    entry("float64_only", "return bce_loss(logits_fake, torch.ones_like(logits_fake.squeeze()))",
          "weights = torch.full((len(logits_fake),), 1 / len(logits_fake), dtype=torch.float64)\n"
          "    return weights @ nn.functional.softplus(-logits_fake).squeeze()",
          "only float64 logits can be taken", FLOATS, "precision"),
)  # fmt: skip

LS_D_LOSS = mistakes_in(
    "gan_pytorch.ls_discriminator_loss",
    entry("number", "(scores_fake**2).mean() / 2", "(scores_fake**2).mean().item() / 2 * 0",
          "only real images count, and fake ones are made a number", GRAPH, "values"),
    entry("not_reduced", "return ((scores_real - 1) ** 2).mean() / 2", "return ((scores_real - 1) ** 2) / 2",
          "one loss per image is returned", MEAN, "shapes"),
    entry("not_halved", "return ((scores_real - 1) ** 2).mean() / 2 + (scores_fake**2).mean() / 2",
          "return ((scores_real - 1) ** 2).mean() + (scores_fake**2).mean()", "the halves are missing", HALF,
          "values"),
    entry("half_of_real", "(scores_fake**2).mean() / 2", "(scores_fake**2).mean()",
          "the half of the fake part is missing", HALF, "values"),
    entry("targets_swapped", "((scores_real - 1) ** 2).mean() / 2 + (scores_fake**2).mean() / 2",
          "(scores_real**2).mean() / 2 + ((scores_fake - 1) ** 2).mean() / 2",
          "real images are pulled to 0, fake ones to 1", LABELS, "values"),
    entry("summed", "((scores_real - 1) ** 2).mean()", "((scores_real - 1) ** 2).sum()",
          "the real part is summed", MEAN, "values"),
    entry("sigmoid", "(scores_real - 1)", "(torch.sigmoid(scores_real) - 1)", "scores pass through a sigmoid",
          "Scores are taken as they are.", "values"),
    entry("mean_before_square", "return ((scores_real - 1) ** 2).mean() / 2 + (scores_fake**2).mean() / 2",
          "return (scores_real.mean() - 1) ** 2 / 2 + scores_fake.mean() ** 2 / 2", "the mean is taken before the square",
          MEAN, "values"),
    entry("clipped", "(scores_fake**2)", "(scores_fake.clamp(-50, 50) ** 2)", "scores are cut off at 50",
          "Scores are taken as they are.", "large_values"),
    entry("detached", "(scores_fake**2)", "(scores_fake.detach() ** 2)", "fake scores are detached", GRAPH,
          "gradients"),
    entry("absolute", "((scores_real - 1) ** 2)", "(scores_real - 1).abs()", "distances are not squared", HALF,
          "values"),
    entry("float32", "(scores_fake**2)", "(scores_fake.type(torch.FloatTensor) ** 2)",
          "scores are cast to float32", FLOATS, "precision"),
)  # fmt: skip

LS_G_LOSS = mistakes_in(
    "gan_pytorch.ls_generator_loss",
    entry("not_reduced", ".mean()", "", "one loss per image is returned", MEAN, "shapes"),
    entry("mean_before_square", "return ((scores_fake - 1) ** 2).mean() / 2", "return (scores_fake.mean() - 1) ** 2 / 2",
          "the mean is taken before the square", MEAN, "values"),
    entry("pulled_to_zero", "(scores_fake - 1)", "(scores_fake)", "fake scores are pulled to 0", LABELS,
          "values"),
    entry("not_halved", " / 2", "", "the half is missing", HALF, "values"),
    entry("plus", "(scores_fake - 1)", "(scores_fake + 1)", "fake scores are pulled to -1", LABELS, "values"),
    entry("summed", ".mean()", ".sum()", "the loss is summed over the batch", MEAN, "values"),
    entry("detached", "(scores_fake - 1)", "(scores_fake.detach() - 1)", "scores are detached", GRAPH,
          "gradients"),
    entry("clipped", "(scores_fake - 1)", "(scores_fake.clamp(-20, 20) - 1)", "scores are cut off at 20",
          "Scores are taken as they are.", "large_values"),
    entry("float32", "(scores_fake - 1)", "(scores_fake.float() - 1)", "scores are cast to float32", FLOATS,
          "precision"),
)  # fmt: skip

MISTAKES = (*D_LOSS, *G_LOSS, *LS_D_LOSS, *LS_G_LOSS)
