"""Known mistakes in SimCLR's model, which is handed out complete."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

GIVEN = "The model was handed out complete: compare it with the original."

FORWARD = mistakes_in(
    "simclr_model.Model.forward",
    entry("not_normalised", "F.normalize(z, dim=-1)", "z", "projections are not normalised", GIVEN, "values"),
    entry("normalised_over_batch", "F.normalize(z, dim=-1)", "F.normalize(z, dim=0)",
          "projections are normalised over the batch", GIVEN, "values"),
    entry("exchanged", "return F.normalize(h, dim=-1), F.normalize(z, dim=-1)",
          "return F.normalize(z, dim=-1), F.normalize(h, dim=-1)", "the projection comes first", GIVEN, "values"),
    entry("projection_alone", "return F.normalize(h, dim=-1), F.normalize(z, dim=-1)", "return F.normalize(z, dim=-1)",
          "the representation is not returned", GIVEN, "values"),
)  # fmt: skip

INIT = mistakes_in(
    "simclr_model.Model.__init__",
    entry("pooled", "(nn.Linear, nn.MaxPool2d)", "nn.Linear", "the max-pool stays", GIVEN,
          "simclr_model.Model.forward.values"),
    entry("large_kernel", "kernel_size=3, stride=1, padding=1", "kernel_size=7, stride=2, padding=3",
          "the first convolution is ImageNet's", GIVEN, "simclr_model.Model.forward.values"),
    entry("no_relu", "            nn.ReLU(inplace=True),\n", "", "the projection head is linear", GIVEN,
          "simclr_model.Model.forward.values"),
)  # fmt: skip

MISTAKES = (*FORWARD, *INIT)
