/* A driver of pcscd for a reader that hangs on a cable: the virtual reader of vpcd, which otherwise is only ever told a port and
 * not which device it is. Everything but its beginning is found in vpcd's own driver, against which this one is linked. */

#include <ifdhandler.h>

#define VPCD_PORT 0x8C7B

RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR name)
{
    (void)name;
    return IFDHCreateChannel(lun, VPCD_PORT);
}
