"""The categories of COCO, as its annotations of 2014 and 2017 number them."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = """
1 person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant
13 stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe
27 backpack,umbrella
31 handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat
40 baseball glove,skateboard,surfboard,tennis racket,bottle
46 wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot
58 hot dog,pizza,donut,cake,chair,couch,potted plant,bed
67 dining table
70 toilet
72 tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator
84 book,clock,vase,scissors,teddy bear,hair drier,toothbrush
"""
"""The numbers have gaps: each line begins with one and goes on from there."""


def _numbered() -> Mapping[str, int]:
    found = {}
    for line in _NAMES.strip().splitlines():
        first, _, names = line.partition(" ")
        for number, name in enumerate(names.split(","), start=int(first)):
            found[name] = number
    return found


COCO: Mapping[str, int] = _numbered()
"""Name → number."""
