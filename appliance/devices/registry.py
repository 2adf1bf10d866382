"""The one place outside entry points that names drivers: kind → name → "module:Class", loaded when chosen."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Final, cast

from appliance.devices.port import Device, DeviceError, DeviceKind
from contracts.errors import WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVERS: Final[Mapping[DeviceKind, Mapping[str, str]]] = {
    DeviceKind.CARD_READER: {
        "simulated": "appliance.devices.card_reader.simulated:SimulatedCardReader",
        "pcsc": "appliance.devices.card_reader.pcsc:PcscCardReader",
    },
    DeviceKind.PRINTER: {
        "simulated": "appliance.devices.printer.simulated:SimulatedPrinter",
        "cups": "appliance.devices.printer.cups:CupsPrinter",
        "escpos": "appliance.devices.printer.escpos:EscposPrinter",
        "disabled": "appliance.devices.printer.disabled:DisabledPrinter",
    },
    DeviceKind.CAMERA: {
        "simulated": "appliance.devices.camera.simulated:SimulatedCamera",
        "folder": "appliance.devices.camera.folder:FolderCamera",
        "picamera2": "appliance.devices.camera.picamera2:Picamera2Camera",
        "v4l2": "appliance.devices.camera.v4l2:V4l2Camera",
        "disabled": "appliance.devices.camera.disabled:DisabledCamera",
    },
    DeviceKind.BARCODE: {
        "simulated": "appliance.devices.barcode.simulated:SimulatedBarcode",
        "serial": "appliance.devices.barcode.serial:SerialBarcode",
        "disabled": "appliance.devices.barcode.disabled:DisabledBarcode",
    },
    DeviceKind.PANEL: {
        "simulated": "appliance.devices.panel.simulated:SimulatedPanel",
        "gpio": "appliance.devices.panel.gpio:GpioPanel",
        "disabled": "appliance.devices.panel.disabled:DisabledPanel",
    },
}


class UnknownDriver(DeviceError, LookupError):
    """No driver of that name, or no such kind of device."""

    code = "device.unknown_driver"
    who = WhoCanAct.TECHNICIAN


class DriverMissing(DeviceError):
    """The driver is ours, the library it stands on is not installed on this machine."""

    code = "device.driver_missing"
    who = WhoCanAct.TECHNICIAN


def driver_class(kind: DeviceKind, name: str) -> type[Device]:
    """The class behind a driver's name.

    Raises:
        UnknownDriver: with the names that exist.
        DriverMissing: its library is not there.
    """
    drivers = DRIVERS[kind]
    if name not in drivers:
        near = difflib.get_close_matches(name, drivers, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(drivers)}"
        raise UnknownDriver(f"no {kind} driver is called {name!r}; {hint}", kind=kind, driver=name)
    module, _, class_name = drivers[name].partition(":")
    try:
        return cast("type[Device]", getattr(importlib.import_module(module), class_name))
    except ImportError as error:
        raise DriverMissing(
            f"{kind} driver {name} needs a part that is not installed: {error.name}",
            kind=kind,
            driver=name,
            missing=error.name,
        ) from error


def make_device(kind: DeviceKind, name: str, settings: Mapping[str, object]) -> Device:
    """Build a device without opening it, so that watchers can be set first.

    Raises:
        UnknownDriver, DriverMissing, InvalidDeviceSettings.
    """
    return driver_class(kind, name).from_settings(settings)


def open_device(kind: DeviceKind, name: str, settings: Mapping[str, object]) -> Device:
    """Build and open a device; the caller closes it.

    Raises:
        UnknownDriver, DriverMissing, InvalidDeviceSettings. A device that is not there raises nothing:
        its state says `absent`.
    """
    device = make_device(kind, name, settings)
    device.open()
    return device
