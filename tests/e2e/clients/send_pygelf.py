"""Sends through pygelf: UDP (compressed and plain, chunked), TCP and HTTP. Arguments: HOST UDP_PORT TCP_PORT HTTP_PORT."""
import logging
import sys

from pygelf import GelfHttpHandler, GelfTcpHandler, GelfUdpHandler

host, udp, tcp, http = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])


def send(handler, text):
    logger = logging.getLogger(text)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    logger.warning(text)
    handler.close()


send(GelfUdpHandler(host=host, port=udp, compress=True, _sender="pygelf"), "pygelf udp zlib")
send(GelfUdpHandler(host=host, port=udp, compress=False, _sender="pygelf", _long="word " * 2000), "pygelf udp chunked")
send(GelfTcpHandler(host=host, port=tcp, _sender="pygelf"), "pygelf tcp")
send(GelfHttpHandler(host=host, port=http, _sender="pygelf"), "pygelf http")
