"""Training and evaluation loops of SimCLR (PyTorch)."""

import torch
import torch.nn.functional as F

from .contrastive_loss import *

try:
    from tqdm import tqdm
except ImportError:

    class tqdm:
        """Stands in for the progress bar where tqdm is not installed: iterates and shows nothing."""

        def __init__(self, iterable, desc=None):
            self.iterable = iterable

        def __iter__(self):
            return iter(self.iterable)

        def set_description(self, desc):
            """Ignores the text."""


def train(model, data_loader, train_optimizer, epoch, epochs, batch_size=32, temperature=0.5, device="cuda"):
    """Trains the model for one epoch with the contrastive loss.

    Inputs:
    - model: maps images to (representation, projection)
    - data_loader: batches (x_i, x_j, target), two views of each image
    - train_optimizer: over the model's parameters
    - epoch, epochs: numbers shown in the progress bar
    - batch_size: images in a batch, the weight of a batch in the average
    - temperature: tau of the loss
    - device: where model and data are

    Returns the average loss, a float.
    """
    model.train()
    total_loss, total_num, train_bar = 0.0, 0, tqdm(data_loader)
    for x_i, x_j, _target in train_bar:
        x_i, x_j = x_i.to(device), x_j.to(device)  # (N, 3, 32, 32) each

        # START OF YOUR CODE: set loss to the vectorised contrastive loss of the projections of x_i and x_j.
        loss = simclr_loss_vectorized(*(out for _, out in map(model, (x_i, x_j))), temperature, device)
        # END OF YOUR CODE

        train_optimizer.zero_grad()
        loss.backward()
        train_optimizer.step()

        total_num += batch_size
        total_loss += loss.item() * batch_size
        train_bar.set_description(f"Train Epoch: [{epoch}/{epochs}] Loss: {total_loss / total_num:.4f}")

    return total_loss / total_num


def train_val(model, data_loader, train_optimizer, epoch, epochs, device="cuda"):
    """Trains or, where train_optimizer is None, evaluates a classifier for one epoch.

    Inputs: model maps images to scores (N, C); data_loader yields (images, target).
    Returns the average cross-entropy and the accuracies "best guess" and "among the best five", in percent.
    """
    is_train = train_optimizer is not None
    model.train(is_train)
    total_loss, correct_1, correct_5, total_num, data_bar = 0.0, 0.0, 0.0, 0, tqdm(data_loader)
    with torch.enable_grad() if is_train else torch.no_grad():
        for data, target in data_bar:
            data, target = data.to(device), target.to(device)
            out = model(data)  # (N, C)
            loss = F.cross_entropy(out, target)

            if is_train:
                train_optimizer.zero_grad()
                loss.backward()
                train_optimizer.step()

            total_num += data.size(0)
            total_loss += loss.item() * data.size(0)
            hits_1, hits_5 = _count_hits(out, target)
            correct_1, correct_5 = correct_1 + hits_1, correct_5 + hits_5
            data_bar.set_description(
                f"{'Train' if is_train else 'Test'} Epoch: [{epoch}/{epochs}] "
                f"Loss: {total_loss / total_num:.4f} "
                f"ACC@1: {100 * correct_1 / total_num:.2f}% ACC@5: {100 * correct_5 / total_num:.2f}%"
            )

    return total_loss / total_num, 100 * correct_1 / total_num, 100 * correct_5 / total_num


def test(
    model, memory_data_loader, test_data_loader, epoch, epochs, c, temperature=0.5, k=200, device="cuda"
):
    """Measures the representation without training anything: k nearest neighbours vote on the class.

    A neighbour at cosine s votes for its class with weight exp(s / temperature).

    Inputs:
    - model: maps images to (representation, projection); the representation is used
    - memory_data_loader: unshuffled batches (x, _, target) of neighbours; dataset.targets has the classes
    - test_data_loader: batches (x, _, target) to classify
    - epoch, epochs: numbers shown in the progress bar
    - c: number of classes
    - k: number of neighbours, at most as many as there are

    Returns the accuracies "best guess" and "among the best five", in percent.
    """
    model.eval()
    correct_1, correct_5, total_num = 0.0, 0.0, 0
    with torch.no_grad():
        memory_bar = tqdm(memory_data_loader, desc="Feature extracting")
        bank = torch.cat([model(data.to(device))[0] for data, _, _ in memory_bar])  # (M, feature)
        labels = torch.tensor(memory_data_loader.dataset.targets, device=device)  # (M,)

        test_bar = tqdm(test_data_loader)
        for data, _, target in test_bar:
            feature, _ = model(data.to(device))  # (N, feature)
            votes = _knn_votes(feature, bank, labels, c, temperature, k)  # (N, c)

            total_num += data.size(0)
            hits_1, hits_5 = _count_hits(votes, target.to(device))
            correct_1, correct_5 = correct_1 + hits_1, correct_5 + hits_5
            test_bar.set_description(
                f"Test Epoch: [{epoch}/{epochs}] "
                f"Acc@1:{100 * correct_1 / total_num:.2f}% Acc@5:{100 * correct_5 / total_num:.2f}%"
            )

    return 100 * correct_1 / total_num, 100 * correct_5 / total_num


def _knn_votes(feature, bank, labels, c, temperature, k):
    """Returns the votes (N, c) of the k rows of `bank` (M, F) nearest to every row of `feature` (N, F)."""
    similarity, nearest = (feature @ bank.T).topk(min(k, len(bank)), dim=-1)  # (N, k) each
    # Relative to the nearest one: a factor common to all votes of a row, without which exp may overflow.
    weight = torch.exp((similarity - similarity[:, :1]) / temperature)  # (N, k)
    votes = torch.zeros(len(feature), c, dtype=weight.dtype, device=weight.device)
    return votes.scatter_add_(1, labels[nearest], weight)  # (N, c)


def _count_hits(scores, target):
    """Counts the rows of scores (N, C) whose target is first, and whose target is among the first five."""
    ranking = torch.argsort(scores, dim=-1, descending=True)  # (N, C): classes, best first
    hit = ranking == target.unsqueeze(-1)  # (N, C)
    return hit[:, :1].sum().item(), hit[:, :5].sum().item()
