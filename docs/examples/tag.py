#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tags a video from Python: python3 tag.py MODEL URI    (Debian: python3-gi gir1.2-gstreamer-1.0)"""
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends quietly behind "| head"
Gst.init(None)
pipeline = Gst.parse_launch("uridecodebin name=source ! videoconvert ! supconencoder name=e ! supcontagger name=t ! fakesink")
pipeline.get_by_name("source").set_property("uri", sys.argv[2])
for name in "e", "t":
    pipeline.get_by_name(name).set_property("location", sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
bus = pipeline.get_bus()
while True:
    message = bus.timed_pop_filtered(Gst.CLOCK_TIME_NONE,
                                     Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.ELEMENT)
    if message.type != Gst.MessageType.ELEMENT:
        break
    tags = message.get_structure()
    if tags.get_name() == "supcon-tags":
        first = (tags.get_array(field)[1].get_nth(0) for field in ("labels", "confidences"))
        print(f"{tags.get_uint64('timestamp')[1] / Gst.SECOND:.2f} s:", *first)
pipeline.set_state(Gst.State.NULL)
if message.type == Gst.MessageType.ERROR:
    sys.exit(message.parse_error()[0].message)
