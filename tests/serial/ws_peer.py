"""A WebSocket client between its standard input and output: ws_peer.py PORT.  Bytes go as binary messages."""
import asyncio, os, sys
import websockets


async def connect(url):
    while True:
        try:
            return await websockets.connect(url, subprotocols=["binary"], max_size=None, compression=None)
        except OSError:
            await asyncio.sleep(0.05)


async def main():
    ws = await connect("ws://127.0.0.1:%s/" % sys.argv[1])
    loop = asyncio.get_running_loop()

    async def there():
        while data := await loop.run_in_executor(None, os.read, 0, 4096):
            await ws.send(data)

    async def back():
        async for message in ws:
            while message:
                message = message[os.write(1, message):]

    await asyncio.gather(there(), back())

asyncio.run(main())
