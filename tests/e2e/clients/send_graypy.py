"""Sends through graypy: UDP (zlib, chunked), TCP and HTTP. Arguments: HOST UDP_PORT TCP_PORT HTTP_PORT."""
import logging
import random
import sys

import graypy

host, udp, tcp, http = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])


def send(handler, text, **fields):
    logger = logging.getLogger(text)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    logger.error(text, extra=fields)
    handler.close()


send(graypy.GELFUDPHandler(host, udp), "graypy udp small", order_id="g-udp-1")
# Incompressible text, so that the compressed message still needs several chunks.
noise = random.Random(7).randbytes(4000).hex()
send(graypy.GELFUDPHandler(host, udp), "graypy udp chunked", order_id="g-udp-2", noise=noise)
send(graypy.GELFTCPHandler(host, tcp), "graypy tcp", order_id="g-tcp-1")
send(graypy.GELFHTTPHandler(host, http), "graypy http", order_id="g-http-1")
