"""Stands where picamera2 imports a screen's driver, which Debian does not have and nobody here uses."""


class PixelFormat:
    RGB888 = BGR888 = XRGB8888 = XBGR8888 = YUV420 = YVU420 = NV12 = YUYV = None
