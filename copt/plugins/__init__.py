"""Learned and plain help for somebody else's model: attach it, optimise as always, detach it."""

from copt.plugins.attach import attach as attach
from copt.plugins.attach import detach as detach
