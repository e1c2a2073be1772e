"""Where a token stands: learnt tables, sines and cosines in one and two dimensions, rotations.

Codes are computed in float32, or float64 where asked: bfloat16 cannot tell position 4,097 from 4,096.
`layout` says where the sine and cosine of one frequency lie: "interleaved" = neighbours (the Transformer paper),
"halves" = first half sine, second half cosine (MAE, tensor2tensor); for rotations which two channels turn together.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest

LAYOUTS = ("halves", "interleaved")


def _check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise ConfigError(f"no layout of positions is called {layout!r}{nearest(layout, LAYOUTS)}")


def sin_cos(positions: Tensor, dim: int, *, base: float = 10000.0, layout: str = "halves") -> Tensor:
    """positions (...) -> (..., dim): sin and cos of position / base^(2j / dim), j = 0 .. dim / 2 - 1.

    float64 for float64 positions, float32 otherwise. ConfigError where dim is odd.
    """
    _check_layout(layout)
    if dim % 2:
        raise ConfigError(f"a sin/cos code needs an even width, not {dim}")
    wide = torch.float64 if positions.dtype == torch.float64 else torch.float32
    rate = base ** (-torch.arange(0, dim, 2, device=positions.device, dtype=torch.float64) / dim)
    angle = positions.to(wide).unsqueeze(-1) * rate.to(wide)
    pair = (angle.sin(), angle.cos())
    return torch.cat(pair, dim=-1) if layout == "halves" else torch.stack(pair, dim=-1).flatten(-2)


def sin_cos_2d(rows: int, columns: int, dim: int, *, base: float = 10000.0, layout: str = "halves") -> Tensor:
    """(rows * columns, dim) in row-major order: the code of the column, then that of the row, dim / 2 each (MAE)."""
    if dim % 4:
        raise ConfigError(f"a two-dimensional sin/cos code needs a width that is a multiple of 4, not {dim}")
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    codes = [sin_cos(axis.flatten(), dim // 2, base=base, layout=layout) for axis in (column, row)]
    return torch.cat(codes, dim=-1)


def resize_table(table: Tensor, length: int) -> Tensor:
    """table (L, D) -> (length, D), linear between old places, ends kept on ends. length = L gives the table itself."""
    if length == len(table):
        return table
    wide = table.detach().to(torch.float64 if table.dtype == torch.float64 else torch.float32)
    return F.interpolate(wide.T[None], size=length, mode="linear", align_corners=True)[0].T.to(table.dtype)


def resize_grid(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """table (rows * columns, D) of an `old` grid -> that of a `new` one, bicubic; leading extra rows stay (CLS)."""
    if old == new:
        return table
    extra = len(table) - old[0] * old[1]
    if extra < 0:
        raise ValueError(f"a table of {len(table)} rows does not hold a grid of {old[0]} x {old[1]}")
    grid = table[extra:].detach().float().reshape(1, *old, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=new, mode="bicubic", align_corners=False).permute(0, 2, 3, 1).flatten(0, 2)
    return torch.cat([table[:extra].detach(), grid.to(table.dtype)])


class LearntPositions(nn.Module):
    """One learnt vector a place, added to the tokens. `grow` makes room for longer inputs."""

    def __init__(self, length: int, width: int, std: float = 0.02):
        super().__init__()
        self.table = nn.Parameter(torch.empty(length, width))
        nn.init.trunc_normal_(self.table, std=std, a=-2 * std, b=2 * std)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        """x (B, L, D) -> x + table; positions (L,) or (B, L) int, 0 .. L - 1 by default. ValueError past its end."""
        if positions is None:
            if x.shape[1] > len(self.table):
                raise ValueError(f"{x.shape[1]} tokens, but the table of positions ends at {len(self.table)}")
            return x + self.table[: x.shape[1]].to(x.dtype)
        return x + self.table[positions].to(x.dtype)

    @torch.no_grad()
    def grow(self, length: int, how: str = "interpolate") -> None:
        """Lengthen the table in place. "interpolate": old places stretched over the new length; "repeat": the old
        table over and over; "mean": old rows stay, new ones are their mean. ConfigError where it would shrink.
        """
        old = self.table
        if length < len(old):
            raise ConfigError(f"a table of {len(old)} positions cannot grow to {length}")
        if how == "interpolate":
            new = resize_table(old, length)
        elif how == "repeat":
            new = old[torch.arange(length, device=old.device) % len(old)]
        elif how == "mean":
            new = torch.cat([old, old.mean(dim=0, keepdim=True).expand(length - len(old), -1)])
        else:
            raise ConfigError(f"no way to grow is called {how!r}{nearest(how, ('interpolate', 'repeat', 'mean'))}")
        self.table = nn.Parameter(new.clone(), requires_grad=old.requires_grad)


class Rotary(nn.Module):
    """Rotary position embedding (Su et al., arXiv 2104.09864): scores depend on the distance of two tokens alone.

    dim: width of a head, or of its rotated leading part; base: of the frequencies; scale: positions are divided by
    it (position interpolation, scale = new length / old length); position_map: function of the position tensor
    applied before (floor division by groups, ...). Angles, sines and cosines are float32 or wider.
    """

    def __init__(
        self,
        dim: int,
        *,
        base: float = 10000.0,
        scale: float = 1.0,
        layout: str = "halves",
        position_map: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        _check_layout(layout)
        if dim % 2:
            raise ConfigError(f"rotary positions need an even width, not {dim}")
        self.dim, self.base, self.scale, self.layout, self.position_map = dim, base, scale, layout, position_map

    @classmethod
    def ntk(cls, dim: int, factor: float, *, base: float = 10000.0, **how) -> Rotary:
        """A window `factor` times as long by a larger base; the fastest frequency stays as it is."""
        return cls(dim, base=base * factor ** (dim / (dim - 2)), **how)

    def forward(self, q: Tensor, k: Tensor, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q (B, H, L, d), k (B, H, K, d), both rotated. positions (L,) or (B, L), shared by q and k; without, the last
        query stands at the last key (0 .. L - 1 for equal lengths).
        """
        if positions is not None:
            return self.rotate(q, positions), self.rotate(k, positions)
        keys = torch.arange(k.shape[2], device=k.device)
        return self.rotate(q, keys[-q.shape[2] :]), self.rotate(k, keys)

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """x (B, H, L, d), positions (L,) or (B, L) -> x turned by its positions, same dtype."""
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        if self.position_map is not None:
            positions = self.position_map(positions)
        rate = self.base ** (-torch.arange(0, self.dim, 2, device=x.device, dtype=torch.float64) / self.dim)
        angle = positions.to(torch.float64).unsqueeze(-1) / self.scale * rate  # (L, d/2) or (B, L, d/2)
        cos, sin = angle.cos().to(wide), angle.sin().to(wide)
        if positions.dim() == 2:
            cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)  # one for all heads
        turned, rest = x[..., : self.dim].to(wide), x[..., self.dim :]
        if self.layout == "halves":
            a, b = turned.chunk(2, dim=-1)
            turned = torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
        else:
            a, b = turned[..., 0::2], turned[..., 1::2]
            turned = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
        return torch.cat([turned.to(x.dtype), rest], dim=-1)
