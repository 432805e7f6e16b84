// dsdt.asl - what the board "pc" is made of, for operating systems with ACPI.
// Ref: ACPI specification 6.3.  Compiled by the build; devices/firmware/acpi.c patches VMXB, adds the processors in a table of their
// own and hands both to the firmware.
DefinitionBlock ("dsdt.aml", "DSDT", 1, "VMUX", "VMUXPC", 1)
{
    Name (VMXB, 0xB0B0B0B0)             // devices that are there: bits 0-3 COM1-4, 4-6 LPT1-3, 7 HPET, 8 floppy controller

    Name (\_S5, Package (4) { 0, 0, 0, 0 })     // SLP_TYP of soft-off
    Name (PICM, 0)
    Method (\_PIC, 1) { PICM = Arg0 }           // both modes use the same links: PIRQs are ISA interrupts in either

    Method (HERE, 1) { If (Arg0) { Return (0x0F) } Return (0) }    // _STA of what may be absent

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                             0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                             0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000)
            })

            // Pin P of slot S is wired to PIRQ (S - 1 + P) mod 4.  The power management function interrupts on 9.
            Method (_PRT, 0, Serialized)
            {
                Local0 = Package (128) {}
                Local1 = 0
                While (Local1 < 128)
                {
                    Local2 = Local1 >> 2
                    Local3 = Local1 & 3
                    Switch (ToInteger ((Local2 + Local3 + 3) & 3))
                    {
                        Case (0) { Local4 = Package (4) { 0, 0, LNKA, 0 } }
                        Case (1) { Local4 = Package (4) { 0, 0, LNKB, 0 } }
                        Case (2) { Local4 = Package (4) { 0, 0, LNKC, 0 } }
                        Default  { Local4 = Package (4) { 0, 0, LNKD, 0 } }
                    }
                    If (Local1 == 4) { Local4 = Package (4) { 0, 0, LNKS, 0 } }
                    Local4 [0] = (Local2 << 16) | 0xFFFF
                    Local4 [1] = Local3
                    Local0 [Local1] = Local4
                    Local1++
                }
                Return (Local0)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (P40C, PCI_Config, 0x60, 4)
                Field (P40C, ByteAcc, NoLock, Preserve) { PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8 }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 8) IRQNoFlags () {8} })
                }
                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1)
                        IO (Decode16, 0x64, 0x64, 1, 1)
                        IRQNoFlags () {1}
                    })
                }
                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () {12} })
                }
                Device (FDC0)
                {
                    Name (_HID, EisaId ("PNP0700"))
                    Method (_STA) { Return (HERE (VMXB & 0x100)) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3F2, 0x3F2, 0, 4)
                        IO (Decode16, 0x3F7, 0x3F7, 0, 1)
                        IRQNoFlags () {6}
                        DMA (Compatibility, NotBusMaster, Transfer8) {2}
                    })
                }
#define LPT(NAME, UID, BIT, PORT, LINE) \
                Device (NAME) { Name (_HID, EisaId ("PNP0400")) Name (_UID, UID) Method (_STA) { Return (HERE (VMXB & BIT)) } \
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PORT, PORT, 4, 8) IRQNoFlags () {LINE} }) }
#define COM(NAME, UID, BIT, PORT, LINE) \
                Device (NAME) { Name (_HID, EisaId ("PNP0501")) Name (_UID, UID) Method (_STA) { Return (HERE (VMXB & BIT)) } \
                    Name (_CRS, ResourceTemplate () { IO (Decode16, PORT, PORT, 1, 8) IRQNoFlags () {LINE} }) }
                COM (COM1, 1, 0x01, 0x3F8, 4)
                COM (COM2, 2, 0x02, 0x2F8, 3)
                COM (COM3, 3, 0x04, 0x3E8, 4)
                COM (COM4, 4, 0x08, 0x2E8, 3)
                LPT (LPT1, 1, 0x10, 0x378, 7)
                LPT (LPT2, 2, 0x20, 0x278, 7)
                LPT (LPT3, 3, 0x40, 0x3BC, 7)
            }

            Device (RSRV)               // ports of the power management function
            {
                Name (_HID, EisaId ("PNP0C02"))
                Name (_UID, 1)
                Name (_CRS, ResourceTemplate ()
                {
                    IO (Decode16, 0x0600, 0x0600, 1, 0x40)
                    IO (Decode16, 0x0700, 0x0700, 1, 0x10)
                    IO (Decode16, 0xAFE0, 0xAFE0, 1, 4)
                    IO (Decode16, 0x00B2, 0x00B2, 1, 2)
                })
            }

            // Cards that come and go: ports of acpi_pcihp.c.  Slot 1 is the board's own.
            Device (PHPR)
            {
                Name (_HID, EisaId ("PNP0C02"))
                Name (_UID, 2)
                Name (_CRS, ResourceTemplate () { IO (Decode16, 0xAE00, 0xAE00, 1, 0x14) })
            }
            OperationRegion (PHPP, SystemIO, 0xAE00, 0x14)
            Field (PHPP, DWordAcc, NoLock, WriteAsZeros) { PHUP, 32, PHDN, 32, PHEJ, 32, PHRM, 32, PHBS, 32 }
            Mutex (PHLK, 0)
            Method (PEJ0, 1) { Acquire (PHLK, 0xFFFF) PHBS = 0 PHEJ = 1 << Arg0 Release (PHLK) }
#define SLOT(NAME, NUMBER) \
            Device (NAME) { Name (_ADR, NUMBER << 16) Name (_SUN, NUMBER) Method (_EJ0, 1) { PEJ0 (NUMBER) } }
#define EACH_SLOT(DO) \
            DO (S02, 2) DO (S03, 3) DO (S04, 4) DO (S05, 5) DO (S06, 6) DO (S07, 7) DO (S08, 8) DO (S09, 9) \
            DO (S0A, 10) DO (S0B, 11) DO (S0C, 12) DO (S0D, 13) DO (S0E, 14) DO (S0F, 15) DO (S10, 16) DO (S11, 17) \
            DO (S12, 18) DO (S13, 19) DO (S14, 20) DO (S15, 21) DO (S16, 22) DO (S17, 23) DO (S18, 24) DO (S19, 25) \
            DO (S1A, 26) DO (S1B, 27) DO (S1C, 28) DO (S1D, 29) DO (S1E, 30) DO (S1F, 31)
            EACH_SLOT (SLOT)
#define TELL(NAME, NUMBER) If (Arg0 & (1 << NUMBER)) { Notify (NAME, Arg1) }
            Method (PNTF, 2) { EACH_SLOT (TELL) }
            Method (PCNT) { Acquire (PHLK, 0xFFFF) PHBS = 0 PNTF (PHUP, 1) PNTF (PHDN, 3) Release (PHLK) }
        }

        // Interrupt links: bit 7 of a routing register is "disabled".
        Method (LSTA, 1) { If (Arg0 & 0x80) { Return (0x09) } Return (0x0B) }
        Name (LBUF, ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {0} })
        Method (LCRS, 1, Serialized)
        {
            CreateDWordField (LBUF, 5, IRQW)
            IRQW = 0
            If (!(Arg0 & 0x80)) { IRQW = Arg0 }
            Return (LBUF)
        }
        Name (LPRS, ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {5, 10, 11} })
#define LINK(NAME, UID, REG) \
        Device (NAME) { \
            Name (_HID, EisaId ("PNP0C0F")) Name (_UID, UID) \
            Method (_PRS) { Return (LPRS) } \
            Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.REG)) } \
            Method (_DIS) { \_SB.PCI0.ISA.REG |= 0x80 } \
            Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.REG)) } \
            Method (_SRS, 1) { CreateDWordField (Arg0, 5, IRQW) \_SB.PCI0.ISA.REG = IRQW } }
        LINK (LNKA, 0, PRQA)
        LINK (LNKB, 1, PRQB)
        LINK (LNKC, 2, PRQC)
        LINK (LNKD, 3, PRQD)
        Device (LNKS)                   // the system control interrupt, hard-wired
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Name (_PRS, ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {9} })
            Method (_STA) { Return (0x0B) }
            Method (_DIS) {}
            Method (_CRS) { Return (_PRS) }
            Method (_SRS, 1) {}
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, 0)
            Method (_STA) { Return (HERE (VMXB & 0x80)) }
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xFED00000, 0x400) })
        }
        Device (FWCF)
        {
            Name (_HID, "QEMU0002")
            Name (_STA, 0x0B)
            Name (_CRS, ResourceTemplate () { IO (Decode16, 0x510, 0x510, 1, 0x0C) })
        }
    }

    // Processors that come and go: acpi_cpuhp.c, and the devices in the SSDT
    External (\_SB.CTFY, MethodObj)
    Scope (\_SB)
    {
        OperationRegion (CPHP, SystemIO, 0xAF00, 12)
        Field (CPHP, ByteAcc, NoLock, WriteAsZeros) { Offset (4), CENA, 1, CINS, 1, CRMV, 1, CEJE, 1, Offset (5), CCMD, 8 }
        Field (CPHP, DWordAcc, NoLock, Preserve) { CSEL, 32, Offset (8), CDAT, 32 }
        Mutex (CPLK, 0)
        Method (CSTA, 1, Serialized)
        {
            Acquire (CPLK, 0xFFFF)
            CSEL = Arg0
            Local0 = CENA * 0x0F
            Release (CPLK)
            Return (Local0)
        }
        Method (CMAT, 1, Serialized)            // its entry in the MADT: a local APIC
        {
            Name (LAPC, Buffer (8) { 0, 8, 0, 0, 0, 0, 0, 0 })
            Acquire (CPLK, 0xFFFF)
            CSEL = Arg0
            CCMD = 3
            LAPC [2] = Arg0
            LAPC [3] = CDAT
            LAPC [4] = CENA
            Release (CPLK)
            Return (LAPC)
        }
        Method (CEJ0, 1, Serialized) { Acquire (CPLK, 0xFFFF) CSEL = Arg0 CEJE = 1 Release (CPLK) }
        Method (CSCN, 0, Serialized)
        {
            Acquire (CPLK, 0xFFFF)
            CSEL = 0
            Local0 = 1
            While (Local0)
            {
                CCMD = 0                        // to the next one that something is to be told of
                Local0 = CINS | CRMV
                If (CINS) { CTFY (CDAT, 1) CINS = 1 }
                ElseIf (CRMV) { CTFY (CDAT, 3) CRMV = 1 }
            }
            Release (CPLK)
        }
    }

    Scope (\_GPE)
    {
        Name (_HID, "ACPI0006")
        Method (_E02) { If (CondRefOf (\_SB.CTFY)) { \_SB.CSCN () } }
        Method (_E01) { \_SB.PCI0.PCNT () }     // cards came or are to go
    }
}
