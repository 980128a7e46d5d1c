"""Training loop of the transformer captioning model (PyTorch, on the CPU)."""

import torch
from torch.nn import functional as F

from .coco_utils import sample_coco_minibatch


class CaptioningSolverTransformer:
    """Trains a CaptioningTransformer with Adam on minibatches of image features and captions.

    After train(), `loss_history` holds the loss of every iteration as a 0-d array.
    """

    def __init__(
        self,
        model,
        data,
        idx_to_word,
        learning_rate=0.001,
        batch_size=100,
        num_epochs=10,
        print_every=10,
        verbose=True,
    ):
        """Prepares a run.

        Inputs:
        - model: called as model(features (N, D), captions (N, T)) -> scores (N, T, V); has `_null`
        - data: dictionary as load_coco_data returns it
        - idx_to_word: list, the vocabulary; kept for callers who decode captions
        - learning_rate: of Adam
        - batch_size, num_epochs: captions in a batch; passes over the training captions
        - print_every, verbose: print the loss every so many iterations, if at all
        """
        self.model = model
        self.data = data
        self.idx_to_word = idx_to_word
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.print_every = print_every
        self.verbose = verbose
        self.optim = torch.optim.Adam(self.model.parameters(), lr=self.learning_rate)
        self._reset()

    def _reset(self):
        """Forgets the history of earlier runs."""
        self.epoch = 0
        self.loss_history = []

    def _step(self):
        """Draws a minibatch, makes one update and records the loss before it."""
        captions, features, _ = sample_coco_minibatch(self.data, batch_size=self.batch_size, split="train")
        captions = torch.as_tensor(captions, dtype=torch.long)  # (N, T + 1)
        features = torch.as_tensor(features, dtype=torch.float32)  # (N, D)

        # The word after position t is what position t has to predict.
        captions_in, captions_out = captions[:, :-1], captions[:, 1:]  # (N, T) each
        mask = captions_out != self.model._null

        scores = self.model(features, captions_in)  # (N, T, V)
        loss = self.transformer_temporal_softmax_loss(scores, captions_out, mask)
        self.loss_history.append(loss.detach().numpy())

        self.optim.zero_grad()
        loss.backward()
        self.optim.step()

    def train(self):
        """Runs num_epochs * max(num_train // batch_size, 1) iterations."""
        num_train = self.data["train_captions"].shape[0]
        iterations_per_epoch = max(num_train // self.batch_size, 1)
        num_iterations = self.num_epochs * iterations_per_epoch

        for t in range(num_iterations):
            self._step()
            if self.verbose and t % self.print_every == 0:
                print(f"(Iteration {t + 1} / {num_iterations}) loss: {float(self.loss_history[-1]):f}")
            if (t + 1) % iterations_per_epoch == 0:
                self.epoch += 1

    def transformer_temporal_softmax_loss(self, x, y, mask):
        """Averages the cross-entropy of every word; masked words count as zero, but are counted.

        The divisor is N * T, unlike temporal_softmax_loss of the RNN, which divides by N: the two losses
        are not comparable.

        Inputs: scores x (N, T, V), words y (N, T), mask (N, T), boolean, False where y is <NULL>.
        Returns a 0-d tensor.
        """
        N, T, V = x.shape
        losses = F.cross_entropy(x.reshape(N * T, V), y.reshape(N * T), reduction="none")  # (N * T,)
        return (losses * mask.reshape(N * T)).mean()
