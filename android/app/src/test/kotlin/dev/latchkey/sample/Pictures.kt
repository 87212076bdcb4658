package dev.latchkey.sample

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Color
import java.awt.image.BufferedImage
import java.awt.image.DataBuffer
import java.awt.image.IndexColorModel
import java.io.File
import javax.imageio.ImageIO
import kotlin.math.abs
import org.junit.Assert.fail

/**
 * Pictures compared with those of the documentation, as the browser's are: by the mean colours of small blocks, which is
 * blind to how letters are smoothed, and sees a word that is missing.
 */
object Pictures {
    private const val BLOCK = 10

    /** The difference of means, in one channel, from which on a block counts as different. */
    private const val CHANNEL = 30

    /** How many of a thousand blocks may differ. */
    private const val PER_MILLE = 2

    /** What was seen is written to `target/pictures`. With `LATCHKEY_BLESS=1` it becomes the reference. */
    fun compare(name: String, seen: Bitmap) {
        write(File("target/pictures", "$name.png"), seen)
        val reference = File(System.getProperty("latchkey.pictures"), "$name.png")
        if (System.getenv("LATCHKEY_BLESS") == "1") return write(reference, seen)
        val bless = "to make it the reference: cargo xtask test kotlin --bless"
        if (!reference.exists()) fail("there is no docs/images/android/$name.png; $bless")
        val bytes = reference.readBytes()
        val expected = BitmapFactory.decodeByteArray(bytes, 0, bytes.size)
        if (expected.width != seen.width || expected.height != seen.height) fail("$name: another size; $bless")
        if (differ(expected, seen)) fail("$name: another picture; see target/pictures/$name.png; $bless")
    }

    fun differ(expected: Bitmap, seen: Bitmap): Boolean {
        val (before, now) = blocks(expected) to blocks(seen)
        return before.indices.count { differ(before[it], now[it]) } * 1000 > before.size * PER_MILLE
    }

    private fun write(file: File, picture: Bitmap) {
        file.parentFile?.mkdirs()
        ImageIO.write(small(picture), "png", file)
    }

    /** With a palette, for small files: a screen has few colours, more so with the last three bits rounded off. */
    private fun small(picture: Bitmap): BufferedImage {
        val pixels = pixels(picture).map { rounded(it) }
        val palette = pixels.distinct()
        if (palette.size > 256) fail("a screen with ${palette.size} colours")
        val colours = IndexColorModel(8, palette.size, palette.toIntArray(), 0, false, -1, DataBuffer.TYPE_BYTE)
        val image = BufferedImage(picture.width, picture.height, BufferedImage.TYPE_BYTE_INDEXED, colours)
        val numbers = palette.withIndex().associate { (number, colour) -> colour to number }
        pixels.forEachIndexed { at, colour ->
            image.raster.setSample(at % picture.width, at / picture.width, 0, numbers.getValue(colour))
        }
        return image
    }

    private fun rounded(colour: Int): Int {
        fun channel(value: Int) = (value and 0xF8) or (value shr 5)
        return Color.rgb(channel(Color.red(colour)), channel(Color.green(colour)), channel(Color.blue(colour)))
    }

    private fun pixels(picture: Bitmap): IntArray = IntArray(picture.width * picture.height).also {
        picture.getPixels(it, 0, picture.width, 0, 0, picture.width, picture.height)
    }

    private fun differ(a: IntArray, b: IntArray) = a.indices.any { abs(a[it] - b[it]) >= CHANNEL }

    /** The mean red, green and blue of each block. */
    private fun blocks(picture: Bitmap): List<IntArray> {
        val pixels = pixels(picture)
        return (0 until picture.height step BLOCK).flatMap { top ->
            (0 until picture.width step BLOCK).map { left ->
                val rows = top until minOf(top + BLOCK, picture.height)
                val columns = left until minOf(left + BLOCK, picture.width)
                val block = rows.flatMap { y -> columns.map { x -> pixels[y * picture.width + x] } }
                intArrayOf(
                    block.sumOf { Color.red(it) } / block.size,
                    block.sumOf { Color.green(it) } / block.size,
                    block.sumOf { Color.blue(it) } / block.size,
                )
            }
        }
    }
}
