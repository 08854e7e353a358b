"""The two networks of UDC for routing in torch (Zheng et al. 2024); solvers run the same weights in numpy and numba.

The dividing net sees the whole problem as a sparse graph and gives each edge a heat; sequences are decoded from it.
The conquering net takes short paths of such a sequence and constructs better ones between the same ends. Sizes of
problems appear nowhere in the weights; what differs between tours and capacitated routes is the number of features
and whether a path may call at the depot.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from copt.models.routing_graph import GraphNet, mlp

__all__ = ["CLIP", "ConqueringNet", "DividingNet", "Paths", "UdcNet", "Walks", "path_costs"]

CLIP = 10.0  # largest score of the conquering net: keeps it from being sure too early (Bello et al. 2017)


class Walks(NamedTuple):
    """Sequences of nodes decoded from heat maps, padded to one length."""

    sequence: Tensor  # (walks, visits) nodes in order, the depot among them
    column: Tensor  # (walks, visits - 1) edge taken to the next node, -1 where none was chosen from
    allowed: Tensor  # (walks, visits - 1, neighbours) whether each edge could have been taken
    segment: Tensor  # (walks, visits - 1) number of the heat map in force
    starts: Tensor  # (walks, segments) visit at which each heat map was decoded
    depot: int  # -1 for tours


class Paths(NamedTuple):
    """Paths of one size between fixed ends, each in its own unit box."""

    x: Tensor  # (paths, size, features)
    apart: Tensor  # (paths, size, size) distances
    home: Tensor  # (paths, size) distances to the depot, zeros for tours
    demand: Tensor  # (paths, size)
    capacity: Tensor  # (paths,)
    limits: Tensor  # (paths, 3) most load before the first depot, after the last, and without any


class DividingNet(GraphNet):
    """Anisotropic graph network and heat head.

    Args:
        features: Number of features of a node.
        depot: Whether there is a depot.
        hidden: Width of every layer.
        layers: Number of message-passing layers.
    """

    def __init__(self, features: int, depot: bool, hidden: int = 32, layers: int = 4) -> None:
        super().__init__(features, 2, hidden, layers)
        self.visited, self.first, self.last, self.key = (mlp(hidden) for _ in range(4))
        self.depot = mlp(hidden) if depot else None

    def query(self, h: Tensor, walks: Walks) -> Tensor:
        """Return what each heat map asks of the edges, shape (walks, segments, hidden)."""
        customer = (walks.sequence != walks.depot).unsqueeze(-1)
        total = torch.cumsum(self.visited(h)[walks.sequence] * customer, dim=1)
        count = torch.cumsum(customer, dim=1).clamp_min(1)
        row = torch.arange(len(walks.sequence), device=h.device).unsqueeze(-1)
        # The first customer; at the very start of routes there is none but the depot.
        opening = walks.sequence[row, walks.starts.clamp_max(0 if walks.depot < 0 else 1)]
        query: Tensor = (total / count)[row, walks.starts]
        query = query + self.first(h)[opening] + self.last(h)[walks.sequence[row, walks.starts]]
        if self.depot is not None:
            query = query + self.depot(h[walks.depot])
        return query

    def forward(self, graph: Data, walks: Walks) -> Tensor:
        """Return the log-probability of each walk, shape (walks,).

        Args:
            graph: ``x`` (nodes, features), ``edge_index`` (2, edges) from neighbour to node with the edges of a node
                side by side, ``edge_attr`` (edges, 2).
            walks: Sequences decoded on that graph.
        """
        h, e = self.embed(graph)
        keys = self.key(e).view(h.shape[0], -1, h.shape[1])
        heat = torch.einsum("wsd,nkd->wsnk", self.query(h, walks), keys)
        row = torch.arange(len(walks.sequence), device=h.device).unsqueeze(-1)
        logits = heat[row, walks.segment, walks.sequence[:, :-1]]
        chosen = walks.column >= 0
        # Where nothing was chosen, nothing is masked, so that no row is empty.
        logits = logits.masked_fill(~walks.allowed & chosen.unsqueeze(-1), -math.inf)
        taken = torch.log_softmax(logits, dim=-1).gather(-1, walks.column.clamp_min(0).unsqueeze(-1)).squeeze(-1)
        return (taken * chosen).sum(dim=1)


class FreeAttention(nn.Module):
    """Attention-free layer with a bias for distance (Zhou et al. 2024, ICAM), then a feed-forward layer."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm, self.forward_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.query, self.key, self.value, self.out = (nn.Linear(hidden, hidden) for _ in range(4))
        self.wide, self.narrow = nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)
        self.sharpness = nn.Parameter(torch.ones(1))

    def forward(self, h: Tensor, apart: Tensor) -> Tensor:
        """Return new embeddings, shape (paths, size, hidden)."""
        z = self.norm(h)
        key = self.key(z)
        weight = torch.exp(key - key.amax(dim=1, keepdim=True))
        near = torch.exp(-self.sharpness * math.log2(h.shape[1]) * apart)
        mixed = (near @ (weight * self.value(z))) / (near @ weight)
        h = h + self.out(torch.sigmoid(self.query(z)) * mixed)
        wide: Tensor = self.wide(self.forward_norm(h))
        narrow: Tensor = self.narrow(torch.relu(wide))
        return h + narrow


class Code(NamedTuple):
    """What the decoder needs of the encoded paths, each (paths, size, hidden) but ``end`` (paths, 1, hidden)."""

    weight: Tensor
    value: Tensor
    key: Tensor
    detour: Tensor | None  # keys of visits by way of the depot
    last: Tensor
    end: Tensor


class ConqueringNet(nn.Module):
    """Constructs paths from their first node to their last, both fixed.

    Each step goes to an unvisited node, directly or, where there is a depot, by way of it.

    Args:
        features: Number of features of a node.
        depot: Whether there is a depot.
        hidden: Width of every layer.
        layers: Number of layers of the encoder.
    """

    def __init__(self, features: int, depot: bool, hidden: int = 32, layers: int = 3) -> None:
        super().__init__()
        self.enter = nn.Linear(features, hidden)
        self.layers = nn.ModuleList(FreeAttention(hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.weight, self.value, self.key, self.last, self.end = (nn.Linear(hidden, hidden) for _ in range(5))
        self.detour = nn.Linear(hidden, hidden) if depot else None
        self.state = nn.Linear(3, hidden, bias=False) if depot else None
        self.bend = nn.Linear(hidden, 2) if depot else None
        # Of the context and of direct visits; with a depot also of visits by way of it and of the saving they give up.
        self.sharpness = nn.Parameter(torch.ones(4 if depot else 2))

    def encode(self, paths: Paths) -> Code:
        """Return the encoded paths."""
        h = self.enter(paths.x)
        for layer in self.layers:
            h = layer(h, paths.apart)
        h = self.norm(h)
        key = self.weight(h)
        weight = torch.exp(key - key.amax(dim=1, keepdim=True))
        detour = None if self.detour is None else self.detour(h)
        return Code(weight, weight * self.value(h), self.key(h), detour, self.last(h), self.end(h[:, -1:]))

    def scores(self, code: Code, paths: Paths, last: Tensor, room: Tensor, left: Tensor) -> Tensor:
        """Return the log-probabilities of the next visits: direct ones, then those by way of the depot.

        Args:
            code: The encoded paths.
            paths: The paths.
            last: Position of the node where each construction stands, shape (paths, rows).
            room: Load that still fits, shape (paths, rows).
            left: Whether each node is still to be visited, the last one included, shape (paths, rows, size).
        """
        size, scale = left.shape[-1], math.log2(left.shape[-1])
        row = torch.arange(len(last), device=last.device).unsqueeze(-1)
        query = code.last[row, last] + code.end
        if self.state is not None:
            rest = (left * paths.demand.unsqueeze(1)).sum(dim=-1)
            loads = torch.stack([room, paths.limits[:, 1:2].expand_as(room), rest], dim=-1)
            query = query + self.state(loads / paths.capacity.view(-1, 1, 1))
        apart = paths.apart[row, last]
        near = torch.exp(-self.sharpness[0] * scale * apart) * left
        mixed = torch.sigmoid(query) * (near @ code.value) / (near @ code.weight)
        inner = left & (torch.arange(size, device=left.device) < size - 1)
        asked = mixed / math.sqrt(mixed.shape[-1])
        direct = CLIP * torch.tanh(asked @ code.key.mT - self.sharpness[1] * scale * apart)
        if code.detour is None or self.bend is None:
            return torch.log_softmax(direct.masked_fill(~inner, -math.inf), dim=-1)
        fits = inner & (paths.demand.unsqueeze(1) <= room.unsqueeze(-1))
        bend = self.bend(mixed)  # how the state changes the weight of savings
        # The saving (Clarke and Wright 1964) stays outside the tanh, which would level it: it is rarely small.
        saving = paths.home[row, last].unsqueeze(-1) + paths.home.unsqueeze(1) - apart
        detour = CLIP * torch.tanh(asked @ code.detour.mT - self.sharpness[2] * scale * apart)
        direct = direct + bend[..., :1] * scale * saving
        detour = detour - (self.sharpness[3] + bend[..., 1:]) * scale * saving
        both = torch.cat([direct.masked_fill(~fits, -math.inf), detour.masked_fill(~inner, -math.inf)], dim=-1)
        return torch.log_softmax(both, dim=-1)

    @torch.no_grad()
    def sample(self, paths: Paths, count: int) -> tuple[Tensor, Tensor]:
        """Return ``count`` sampled constructions a path: the orders and where they call at the depot.

        Both have shape (paths, count, size); the depot is called at on the way to the node.
        """
        number, size = paths.demand.shape
        device, code = paths.x.device, self.encode(paths)
        order = torch.zeros(number, count, size, dtype=torch.long, device=device)
        order[:, :, -1] = size - 1
        via = torch.zeros(number, count, size, dtype=torch.bool, device=device)
        left = torch.ones_like(via)
        left[:, :, 0] = False
        load, limit = paths.demand[:, :1].repeat(1, count), paths.limits[:, :1].repeat(1, count)
        for step in range(1, size - 1):
            scores = self.scores(code, paths, order[:, :, step - 1], limit - load, left)
            # One random number a row: several times faster than torch.multinomial. It stays below the last sum.
            mass = scores.exp().cumsum(dim=-1)
            point = torch.rand(number, count, 1, device=device) * (1.0 - 1e-6) * mass[:, :, -1:]
            pick = (mass <= point).sum(dim=-1)
            order[:, :, step], via[:, :, step] = pick % size, pick >= size
            left.scatter_(2, order[:, :, step : step + 1], False)
            load = load * ~via[:, :, step] + paths.demand.gather(1, order[:, :, step])
            limit = torch.where(via[:, :, step], paths.capacity.unsqueeze(-1), limit)
        load = load + paths.demand[:, -1:]
        called = via.any(dim=-1)
        if code.detour is not None:
            via[:, :, -1] = load > torch.where(called, paths.limits[:, 1:2], paths.limits[:, 2:3])
        return order, via

    def forward(self, paths: Paths, order: Tensor, via: Tensor) -> Tensor:
        """Return the log-probability of each construction, shape (paths, count); see ``sample``."""
        number, count, size = order.shape
        demand = paths.demand.unsqueeze(1).expand(-1, count, -1).gather(2, order)
        total = torch.cumsum(demand, dim=-1)
        load = total - torch.cummax((total - demand) * via, dim=-1).values
        called = torch.cumsum(via, dim=-1) > 0
        room = torch.where(called, paths.capacity.view(-1, 1, 1), paths.limits[:, :1].unsqueeze(-1)) - load
        steps = size - 2
        place = torch.empty_like(order).scatter_(2, order, torch.arange(size, device=order.device).expand_as(order))
        left = place.unsqueeze(2) > torch.arange(steps, device=order.device).view(1, 1, -1, 1)
        flat = (number, count * steps)
        last, space = order[:, :, :steps].reshape(flat), room[:, :, :steps].reshape(flat)
        scores = self.scores(self.encode(paths), paths, last, space, left.reshape(*flat, size))
        pick = (order + size * via)[:, :, 1:-1].reshape(*flat, 1)
        return scores.gather(2, pick).view(number, count, steps).sum(dim=-1)


def path_costs(paths: Paths, order: Tensor, via: Tensor) -> Tensor:
    """Return the length of each construction in the unit box of its path, shape (paths, count)."""
    row = torch.arange(len(order), device=order.device).view(-1, 1, 1)
    direct = paths.apart[row, order[:, :, :-1], order[:, :, 1:]]
    home = paths.home.unsqueeze(1).expand(-1, order.shape[1], -1).gather(2, order)
    return torch.where(via[:, :, 1:], home[:, :, :-1] + home[:, :, 1:], direct).sum(dim=-1)


class UdcNet(nn.Module):
    """Both networks under the names by which their weights are stored.

    Args:
        depot: Whether routes start at a depot; else the problem is a tour.
        hidden: Width of every layer.
        layers: Layers of the dividing and of the conquering net.
    """

    def __init__(self, depot: bool, hidden: int = 32, layers: tuple[int, int] = (4, 3)) -> None:
        super().__init__()
        self.divide = DividingNet(3 if depot else 2, depot, hidden, layers[0])
        self.conquer = ConqueringNet(8 if depot else 4, depot, hidden, layers[1])

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name as numpy arrays."""
        return {name: p.detach().cpu().numpy().copy() for name, p in self.named_parameters()}
