import argparse
import os

import pandas as pd
import torch
import torch.optim as optim
from thop import profile, clever_format
from torch.utils.data import DataLoader
from tqdm import tqdm

from .contrastive_loss import *


def train(model, data_loader, train_optimizer, epoch, epochs, batch_size=32, temperature=0.5, device='cuda'):
    """One epoch of SimCLR."""
    model.train()
    total_loss, total_num, train_bar = 0.0, 0, tqdm(data_loader)
    for data_pair in train_bar:
        x_i, x_j, target = data_pair
        x_i, x_j = x_i.to(device), x_j.to(device)

        out_left, out_right, loss = None, None, None
        ##############################################################################
        # TODO: Start of your code.                                                  #
        ##############################################################################
        out_left = model(x_i)[1]
        out_right = model(x_j)[1]
        loss = simclr_loss_vectorized(out_left, out_right, tau=temperature)
        ##############################################################################
        #                               END OF YOUR CODE                             #
        ##############################################################################

        train_optimizer.zero_grad()
        loss.backward()
        train_optimizer.step()

        total_num += batch_size
        total_loss += loss.item() * batch_size
        train_bar.set_description('Train Epoch: [{}/{}] Loss: {:.4f}'.format(epoch, epochs, total_loss / total_num))

    return total_loss / total_num


def train_val(model, data_loader, train_optimizer, epoch, epochs, device='cuda'):
    """Trains or evaluates a classifier for one epoch."""
    is_train = train_optimizer is not None
    model.train() if is_train else model.eval()
    loss_criterion = torch.nn.CrossEntropyLoss()

    total_loss, top1, top5, total_num, data_bar = 0.0, 0.0, 0.0, 0, tqdm(data_loader)
    with (torch.enable_grad() if is_train else torch.no_grad()):
        for data, target in data_bar:
            data, target = data.to(device), target.to(device)
            out = model(data)
            loss = loss_criterion(out, target)

            if is_train:
                train_optimizer.zero_grad()
                loss.backward()
                train_optimizer.step()

            total_num += data.size(0)
            total_loss += loss.item() * data.size(0)
            best = torch.argsort(out, dim=-1, descending=True)
            right = (best == target.unsqueeze(dim=-1)).float()
            top1 += right[:, 0:1].sum().item()
            top5 += right[:, 0:5].sum().item()
            data_bar.set_description('{} Epoch: [{}/{}] Loss: {:.4f}'.format(
                'Train' if is_train else 'Test', epoch, epochs, total_loss / total_num))

    return total_loss / total_num, top1 / total_num * 100, top5 / total_num * 100


def test(model, memory_data_loader, test_data_loader, epoch, epochs, c, temperature=0.5, k=200, device='cuda'):
    """Votes of the nearest neighbours."""
    model.eval()
    top1, top5, total_num, bank = 0.0, 0.0, 0, []
    with torch.no_grad():
        for data, _, target in tqdm(memory_data_loader, desc='Feature extracting'):
            feature, out = model(data.to(device))
            bank.append(feature)
        bank = torch.cat(bank, dim=0).t().contiguous()  # [D, M]
        labels = torch.tensor(memory_data_loader.dataset.targets, device=bank.device)
        for data, _, target in tqdm(test_data_loader):
            data, target = data.to(device), target.to(device)
            feature, out = model(data)
            total_num += data.size(0)
            weight, indices = torch.mm(feature, bank).topk(k=k, dim=-1)  # [B, K]
            near = torch.gather(labels.expand(data.size(0), -1), dim=-1, index=indices)
            weight = (weight / temperature).exp()
            one_hot = torch.zeros(data.size(0) * k, c, device=near.device, dtype=weight.dtype)
            one_hot = one_hot.scatter(dim=-1, index=near.view(-1, 1), value=1.0)
            scores = torch.sum(one_hot.view(data.size(0), -1, c) * weight.unsqueeze(dim=-1), dim=1)
            best = scores.argsort(dim=-1, descending=True)
            right = (best == target.unsqueeze(dim=-1)).float()
            top1 += right[:, :1].sum().item()
            top5 += right[:, :5].sum().item()
    return top1 / total_num * 100, top5 / total_num * 100
