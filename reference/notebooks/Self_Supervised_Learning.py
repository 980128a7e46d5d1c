# %% [markdown]
# # Learning without labels: SimCLR
#
# Labels are expensive. SimCLR learns without them: every picture is changed at random twice, and a network has to tell
# which two of all the changed pictures belong together. What it needs for that, it can use for other tasks.
#
# An encoder $f$ turns a picture into a representation $h$, a small projection head $g$ turns that into a vector
# $z$, on which the loss is computed. You write the augmentation, the loss, and the training step, in `cs231n/simclr/`.

# %%
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset

from cs231n.checking import rel_error, report
from cs231n.simclr.contrastive_loss import (
    compute_sim_matrix,
    sim,
    sim_positive_pairs,
    simclr_loss_naive,
    simclr_loss_vectorized,
)
from cs231n.simclr.data_utils import CIFAR10Pair, compute_test_transform, compute_train_transform
from cs231n.simclr.model import Model
from cs231n.simclr.utils import test, train

# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

# %% [markdown]
# ## Augmentation
#
# `compute_train_transform` crops a random part and resizes it, flips it with probability 0.5, jitters its colours with
# probability 0.8, and turns it grey with probability 0.2. Here it is tried on one picture many times.

# %%
picture = Image.fromarray(np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8))
transform = compute_train_transform(seed=231)
views = torch.stack([transform(picture) for _ in range(400)])
mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
spread = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)
pixels = views * spread + mean
grey = ((pixels - pixels.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-5).float().mean()
report(
    "augmentation",
    at_most=dict(wrong_shape=0, outside=1e-5, share_of_grey_off_by=0.08),
    wrong_shape=float(tuple(views.shape[1:]) != (3, 32, 32)),
    outside=float(torch.relu(pixels - 1).max() + torch.relu(-pixels).max()),
    share_of_grey_off_by=abs(float(grey) - 0.2),
)

# %% [markdown]
# `CIFAR10Pair` returns two views of the same picture, each drawn anew.

# %%
pairs = CIFAR10Pair(root="data", train=True, transform=compute_train_transform(), download=True)
first, second, label = pairs[0]
report(
    "pairs",
    at_most=0,
    wrong_shape=float(tuple(first.shape) != (3, 32, 32) or tuple(second.shape) != (3, 32, 32)),
    both_the_same=float(torch.equal(first, second)),
)

# %% [markdown]
# ## The contrastive loss
#
# For a pair $(i, j)$ of views of one picture, among $2N$ views,
#
# $$l(i, j) = -\log \frac{\exp(\mathrm{sim}(z_i, z_j) / \tau)}{\sum_{k \neq i} \exp(\mathrm{sim}(z_i, z_k) / \tau)},
# \qquad \mathrm{sim}(u, v) = \frac{u \cdot v}{|u| |v|}$$
#
# and $L$ is its mean over all $2N$ ordered pairs: rows $k$ and $k + N$ belong together. Write `sim` and
# `simclr_loss_naive`, with loops. Single precision allows errors of 1e-6.

# %%
left = torch.tensor([[1.0, 2.0, 3.0], [4.0, -5.0, 6.0]])
right = torch.tensor([[0.5, 3.0, 2.0], [5.0, 1.0, 7.0]])


def cosine(u, v):
    u, v = u.double().numpy(), v.double().numpy()
    return u @ v / np.sqrt((u @ u) * (v @ v))


everyone = list(left) + list(right)
expected_matrix = np.array([[cosine(u, v) for v in everyone] for u in everyone])
expected_pairs = np.array([[cosine(u, v)] for u, v in zip(left, right)])
report(
    "sim",
    at_most=1e-6,
    first=rel_error(expected_pairs[0, 0], sim(left[0], right[0]).item()),
    second=rel_error(expected_pairs[1, 0], sim(left[1], right[1]).item()),
)


# %%
def expected_loss(tau):
    e = np.exp(expected_matrix / tau)
    N = len(left)
    return np.mean([-np.log(e[i, (i + N) % (2 * N)] / (e[i].sum() - e[i, i])) for i in range(2 * N)])


report(
    "loss_naive",
    at_most=1e-6,
    tau_5=rel_error(expected_loss(5.0), float(simclr_loss_naive(left, right, 5.0))),
    tau_1=rel_error(expected_loss(1.0), float(simclr_loss_naive(left, right, 1.0))),
)

# %% [markdown]
# Loops over pairs are slow. Write `sim_positive_pairs` (a column, N x 1), `compute_sim_matrix` (2N x 2N) and
# `simclr_loss_vectorized`, without loops.

# %%
report(
    "positive_pairs", at_most=1e-6, pairs=rel_error(expected_pairs, sim_positive_pairs(left, right).numpy())
)

# %%
report(
    "sim_matrix",
    at_most=1e-6,
    matrix=rel_error(expected_matrix, compute_sim_matrix(torch.cat([left, right])).numpy()),
)

# %%
report(
    "loss_vectorized",
    at_most=1e-6,
    tau_5=rel_error(expected_loss(5.0), simclr_loss_vectorized(left, right, 5.0, device=left.device).item()),
    tau_1=rel_error(expected_loss(1.0), simclr_loss_vectorized(left, right, 1.0, device=left.device).item()),
)

# %% [markdown]
# ### Inline question 1
#
# What does the temperature $\tau$ do? Say what the loss pays attention to when $\tau$ is very small, and when it is large.

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# It scales the similarities before the softmax. With a very small $\tau$ only the most similar wrong view counts, the
# hardest one; with a large $\tau$ all others count nearly alike, and the loss hardly tells near from far.

# %% [markdown]
# ## Training
#
# Write the missing part of `train` in `cs231n/simclr/utils.py`. Then train for one round on a few pictures; with all of
# CIFAR-10 and a GPU you can do more. At the beginning all views look alike and the loss is near $\log(2N - 1)$.

# %%
torch.manual_seed(231)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
N = 32
few = Subset(pairs, range(160))
loader = DataLoader(few, batch_size=N, shuffle=True, drop_last=True)
model = Model(feature_dim=64).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-6)
losses = [
    train(model, loader, optimizer, epoch, 2, batch_size=N, temperature=0.5, device=device)
    for epoch in (1, 2)
]
print("average loss of each round:", losses)
report("train", at_most=0, not_below_chance=max(0.0, losses[-1] - np.log(2 * N - 1)))

# %% [markdown]
# ## What was learned
#
# The nearest neighbours of a picture, by the representation $h$, vote on its class. Ten classes: chance is 10 percent.

# %%
memory = CIFAR10Pair(root="data", train=True, transform=compute_test_transform(), download=True)
unseen = CIFAR10Pair(root="data", train=False, transform=compute_test_transform(), download=True)
memory.data, memory.targets = memory.data[:300], memory.targets[:300]
accuracy, among_five = test(
    model,
    DataLoader(memory, batch_size=50),
    DataLoader(Subset(unseen, range(100)), batch_size=50),
    1,
    1,
    c=10,
    k=20,
    device=device,
)
print(f"right at first guess: {accuracy:.0f} %, among the best five: {among_five:.0f} %")
